#include "measure.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
    const char *name;
    int arguments;
    int (*run)(int, char **);
    const char *usage;
} commands[] = {
    {"cpu", 1, measure_cpu, "cpu MILLISECONDS"},
    {"disk-write", 2, measure_disk_write, "disk-write FILE MEBIBYTES"},
    {"disk-read", 1, measure_disk_read, "disk-read FILE"},
    {"net-serve", 1, measure_net_serve, "net-serve CONNECTIONS"},
    {"net", 4, measure_net, "net ADDRESS PORT send|receive MILLISECONDS"},
    {"kernel", 0, measure_kernel, "kernel"},
};
#define COMMANDS (sizeof commands / sizeof commands[0])

uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

uint64_t number(const char *text, uint64_t most)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || *text < '0' || *text > '9' || *end != '\0' || value < 1 || value > most) {
        fprintf(stderr, "hull-measure: %s is not a number from 1 to %llu\n", text, (unsigned long long)most);
        exit(2);
    }
    return value;
}

int failed(const char *what)
{
    fprintf(stderr, "hull-measure: %s: %s\n", what, strerror(errno));
    return 1;
}

void print_bytes(uint64_t bytes, uint64_t nanoseconds)
{
    printf("{\"bytes\":%llu,\"nanoseconds\":%llu}\n", (unsigned long long)bytes, (unsigned long long)nanoseconds);
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0 && argc - 2 == commands[i].arguments)
            return commands[i].run(argc - 2, argv + 2);
    fputs("usage: hull-measure COMMAND\n", stderr);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(stderr, "  %s\n", commands[i].usage);
    return 2;
}
