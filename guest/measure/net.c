#define _GNU_SOURCE
#include "measure.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BLOCK (1u << 17)
/* Seconds without a client, or without a byte, after which an end gives up. */
#define PATIENCE 20u

static char block[BLOCK];

/* gVisor on the host's network answers EAGAIN for a blocking socket that has nothing yet (release 20221219): then it is waited for. */
static int again(int socket, short what)
{
    struct pollfd wanted = {.fd = socket, .events = what};
    return errno == EAGAIN && poll(&wanted, 1, PATIENCE * 1000) == 1;
}

static ssize_t receive(int socket, void *to, size_t most)
{
    ssize_t got;
    do
        got = read(socket, to, most);
    while (got < 0 && again(socket, POLLIN));
    return got;
}

static ssize_t transmit(int socket, const void *from, size_t length)
{
    ssize_t sent;
    do
        sent = write(socket, from, length);
    while (sent < 0 && again(socket, POLLOUT));
    return sent;
}

/*
 * The client's first byte says who sends. `S`: the client sends, shuts its side down and is told in 8 bytes, little end first, how many
 * bytes arrived. `R`: the server sends until the client closes.
 */
static void serve(int client)
{
    char direction = 0;
    if (receive(client, &direction, 1) != 1)
        return;
    if (direction == 'R') {
        while (transmit(client, block, BLOCK) > 0)
            alarm(PATIENCE);
        return;
    }
    uint64_t bytes = 0;
    ssize_t got;
    while ((got = receive(client, block, BLOCK)) > 0) {
        bytes += (uint64_t)got;
        alarm(PATIENCE);
    }
    unsigned char count[8];
    for (unsigned i = 0; i < sizeof count; i++)
        count[i] = (unsigned char)(bytes >> (8 * i));
    if (transmit(client, count, sizeof count) < 0)
        return;
}

/* Listens on a free port of every address, says which, serves that many clients one after the other, and ends. */
int measure_net_serve(int argc, char **argv)
{
    (void)argc;
    uint64_t connections = number(argv[0], 1000);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_ANY)}};
    socklen_t length = sizeof address;
    signal(SIGPIPE, SIG_IGN);
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server < 0 || bind(server, (struct sockaddr *)&address, length) != 0 || listen(server, 4) != 0 ||
        getsockname(server, (struct sockaddr *)&address, &length) != 0)
        return failed("listen");
    printf("{\"port\":%u}\n", (unsigned)ntohs(address.sin_port));
    fflush(stdout);
    for (uint64_t i = 0; i < connections; i++) {
        alarm(PATIENCE);
        int client = accept(server, NULL, NULL);
        if (client < 0)
            return failed("accept");
        serve(client);
        close(client);
    }
    return 0;
}

static int send_for(int server, uint64_t limit)
{
    uint64_t began = now(), bytes = 0;
    while (now() - began < limit)
        if (transmit(server, block, BLOCK) < 0)
            return failed("send");
    unsigned char count[8];
    shutdown(server, SHUT_WR);
    /* What is still on its way counts, and so does its time. */
    for (size_t have = 0; have < sizeof count;) {
        ssize_t got = receive(server, count + have, sizeof count - have);
        if (got <= 0)
            return failed("the peer's count");
        have += (size_t)got;
    }
    for (unsigned i = 0; i < sizeof count; i++)
        bytes |= (uint64_t)count[i] << (8 * i);
    print_bytes(bytes, now() - began);
    return 0;
}

static int receive_for(int server, uint64_t limit)
{
    uint64_t began = now(), bytes = 0, passed;
    do {
        ssize_t got = receive(server, block, BLOCK);
        if (got <= 0)
            return failed("receive");
        bytes += (uint64_t)got;
        passed = now() - began;
    } while (passed < limit);
    print_bytes(bytes, passed);
    return 0;
}

int measure_net(int argc, char **argv)
{
    (void)argc;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)number(argv[1], 65535))};
    int sends = strcmp(argv[2], "send") == 0;
    uint64_t limit = number(argv[3], 60000) * 1000000u;
    if (inet_pton(AF_INET, argv[0], &address.sin_addr) != 1 || (!sends && strcmp(argv[2], "receive") != 0)) {
        fputs("hull-measure: net ADDRESS PORT send|receive MILLISECONDS\n", stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    alarm((unsigned)(limit / 1000000000u) + PATIENCE);
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server < 0 || connect(server, (struct sockaddr *)&address, sizeof address) != 0)
        return failed("connect");
    if (write(server, sends ? "S" : "R", 1) != 1)
        return failed("send");
    int status = sends ? send_for(server, limit) : receive_for(server, limit);
    close(server);
    return status;
}
