/*
 * Drives the agent's protocol outside a VM: random, broken and well-formed frames in random pieces, with a daemon that reads when it
 * likes. The sanitizers watch the memory; this checks that whatever comes back is whole frames of the session that asked.
 * Usage: fuzz [SEED [ROUNDS]]; a failure names the seed.
 */
#include "../src/hull.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUEUE_MAX (2 * 1024 * 1024)
#define LONG_REPLY 200

struct guest guest;
static int host_end, agent_end;
static uint64_t state, seed;
static uint32_t session;
static size_t answered, opened, flooded;

static uint32_t random_below(uint32_t bound) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(state >> 33) % bound;
}

static void __attribute__((noreturn)) broken(const char *what) {
  fprintf(stderr, "guest program: %s (seed %llu)\n", what, (unsigned long long)seed);
  abort();
}

/* ---- what the agent finds instead of a VM ---- */

int open_port(const char *name, int flags) {
  (void)flags;
  return strcmp(name, "hull.agent") == 0 ? agent_end : open("/dev/null", O_WRONLY | O_CLOEXEC);
}

void test_sync(void) {}
int test_kill(pid_t pid, int number) {
  (void)number;
  if (pid < 1) broken("a signal to a process group");
  return 0;
}

void set_clock(uint64_t nanoseconds) { (void)nanoseconds; }
void confine_kernel(uint64_t capabilities) { (void)capabilities; }
const char *configure(struct fields fields) {
  for (struct field_value value; fields_next(&fields, &value);) free(field_text(&value));
  return random_below(2) ? NULL : "the configuration is refused";
}

static int pair_end(void) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) return -1;
  /* A process that says something, perhaps reads, and goes. */
  (void)!write(ends[1], "output\n", 7);
  close(ends[1]);
  return ends[0];
}

pid_t spawn(const struct process_spec *spec, bool first, struct process_pipes *pipes, struct spawn_failure *failure) {
  if (random_below(4) == 0) {
    snprintf(failure->text, sizeof failure->text, "%.100s", spec->arguments[0]);
    return -1;
  }
  if (first) guest.state = STATE_RUNNING;
  int terminal = pair_end();
  *pipes = (struct process_pipes){terminal, spec->terminal ? terminal : pair_end(), spec->terminal ? -1 : pair_end()};
  return (pid_t)(1000 + random_below(50));
}

pid_t process_spawn(const struct process_spec *spec, bool first, struct process_pipes *pipes, struct spawn_failure *failure);
void child_run(const struct process_spec *spec, bool first, const char *terminal, int failure_fd) {
  (void)spec, (void)first, (void)terminal, (void)failure_fd;
  abort();
}

int root_open(const char *path, int flags, mode_t mode) {
  (void)path, (void)mode;
  opened++;
  return open(random_below(2) ? "/dev/zero" : "/dev/null", (flags & O_ACCMODE) | O_NONBLOCK | O_CLOEXEC);
}

void each_process(void (*callback)(pid_t pid, uint32_t argument), uint32_t argument) { callback(1234, argument); }
void handle_tree(uint32_t request, struct fields fields) { reply_error(request, fields.size == 0 ? EINVAL : ENOSYS, 0, "no trees here"); }
void stats_send(uint32_t request) { reply_ok(request); }
/* More than the queue holds, with nobody reading. */
void processes_send(uint32_t request) {
  static uint8_t record[4000];
  flooded++;
  for (int i = 0; i < LONG_REPLY * 2; i++) link_send(FRAME_DATA, request, record, sizeof record);
  reply_ok(request);
}

/* ---- the daemon ---- */

static uint8_t input[QUEUE_MAX];
static size_t input_size;

static size_t whole_frame(const uint8_t *at, size_t size) {
  if (size < FRAME_HEADER) return 0;
  uint32_t length = get32(at + 8);
  if (at[0] != FRAME_MAGIC || get32(at + 12) != session || length > FRAME_PAYLOAD_MAX) broken("a frame with a wrong head");
  if (size < FRAME_HEADER + length + FRAME_TRAILER) return 0;
  if (get32(at + FRAME_HEADER + length) != session) broken("a frame with a wrong end");
  return FRAME_HEADER + length + FRAME_TRAILER;
}

static void receive(bool check) {
  for (ssize_t count; (count = read(host_end, input + input_size, sizeof input - input_size)) > 0;) {
    input_size += (size_t)count;
    if (!check) input_size = 0;
    size_t at = 0;
    for (size_t whole; (whole = whole_frame(input + at, input_size - at)) > 0; at += whole) answered++;
    memmove(input, input + at, input_size - at);
    input_size -= at;
  }
}

static void turn(void) {
  struct pollfd fds[3 * STREAMS_MAX];
  link_pump();
  if (streams_poll(fds, 3 * STREAMS_MAX) > 3 * STREAMS_MAX) broken("more descriptors than there are");
  streams_pump();
  log_flush(false);
  link_pump();
}

static void deliver(const uint8_t *bytes, size_t size) {
  while (size > 0) {
    size_t piece = 1 + random_below(random_below(3) == 0 ? 30 : 20000);
    ssize_t count = write(host_end, bytes, piece < size ? piece : size);
    if (count > 0) bytes += count, size -= (size_t)count;
    turn();
    if (count < 0) receive(false);
  }
}

static void synchronize(void) {
  static uint8_t bytes[FRAME_HEADER + FRAME_PAYLOAD_MAX + FRAME_TRAILER + SYNC_BYTES];
  uint8_t *word = bytes + sizeof bytes - SYNC_BYTES;
  memcpy(word, SYNC_WORD, 8);
  session = 1 + random_below(1u << 30);
  put32(word + 8, session);
  put16(word + 16, PROTOCOL_VERSION_MIN);
  put16(word + 18, PROTOCOL_VERSION_MAX);
  deliver(bytes, sizeof bytes - SYNC_BYTES);
  /* What was under way for the session before. */
  receive(false);
  deliver(word, SYNC_BYTES);
  /* The end of a frame that was under way when its session ended may come first. */
  input_size = 0;
  for (ssize_t count; (count = read(host_end, input + input_size, sizeof input - input_size)) > 0;) input_size += (size_t)count;
  uint8_t *answer = memmem(input, input_size, word, 16);
  if (answer == NULL || !link_connected()) broken("no answer to a sync word");
  size_t skipped = (size_t)(answer - input) + SYNC_BYTES;
  memmove(input, input + skipped, input_size - skipped);
  input_size -= skipped;
}

static size_t random_fields(uint8_t *payload, size_t most) {
  static const uint16_t known[] = {1, 5, 32, 33, 34, 35, 36, 37, 38, 41, 48, 49};
  size_t size = 0;
  for (uint32_t count = random_below(8); count > 0; count--) {
    uint32_t length = random_below(40);
    if (size + 6 + length > most) break;
    put16(payload + size, known[random_below(sizeof known / sizeof known[0])]);
    put32(payload + size + 2, random_below(20) == 0 ? random_below(UINT32_MAX) : length);
    for (uint32_t i = 0; i < length; i++) payload[size + 6 + i] = (uint8_t)('a' + random_below(random_below(30) == 0 ? 160 : 26));
    size += 6 + length;
  }
  return size;
}

/* A process that can run, so that streams come to exist. */
static size_t process_fields(uint8_t *payload) {
  static const uint16_t needed[] = {FIELD_ARGUMENT, FIELD_FOLDER, FIELD_USER, FIELD_PATH, FIELD_TERMINAL};
  size_t size = 0;
  for (size_t i = 0; i < sizeof needed / sizeof needed[0] - random_below(2); i++, size += 7) {
    put16(payload + size, needed[i]);
    put32(payload + size + 2, 1);
    payload[size + 6] = 'x';
  }
  return size;
}

static size_t random_payload(uint8_t *payload) {
  uint32_t choice = random_below(8);
  if (choice < 3) return process_fields(payload);
  if (choice < 4) return random_fields(payload, FRAME_PAYLOAD_MAX);
  size_t size = choice < 7 ? random_below(5) * 2 : random_below(FRAME_PAYLOAD_MAX + 1);
  for (size_t i = 0; i < size; i++) payload[i] = (uint8_t)random_below(256);
  return size;
}

static void send_frame(void) {
  static uint8_t frame[FRAME_HEADER + FRAME_PAYLOAD_MAX + FRAME_TRAILER];
  size_t size = random_payload(frame + FRAME_HEADER);
  frame[0] = FRAME_MAGIC;
  frame[1] = (uint8_t)(random_below(10) == 0 ? random_below(256) : 1 + random_below(FRAME_PART));
  /* SHUTDOWN ends the guest. */
  put16(frame + 2, 0);
  put32(frame + 4, random_below(70));
  put32(frame + 8, (uint32_t)size);
  put32(frame + 12, session);
  put32(frame + FRAME_HEADER + size, session);
  size_t whole = FRAME_HEADER + size + FRAME_TRAILER;
  if (random_below(50) == 0) frame[random_below((uint32_t)whole)] ^= (uint8_t)(1u << random_below(8));
  deliver(frame, random_below(50) == 0 ? random_below((uint32_t)whole) + 1 : whole);
}

static void connect_ends(void) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) broken("no socket");
  host_end = ends[0];
  agent_end = ends[1];
}

int main(int count, char **arguments) {
  seed = state = count > 1 ? strtoull(arguments[1], NULL, 10) : 1;
  uint32_t rounds = count > 2 ? (uint32_t)atoi(arguments[2]) : 2000;
  signal(SIGPIPE, SIG_IGN);
  signal(SIGIO, SIG_IGN);
  connect_ends();
  link_open();
  log_open();
  link_pump();
  for (uint32_t round = 0; round < rounds; round++) {
    if (!link_connected() || random_below(40) == 0) synchronize();
    send_frame();
    if (random_below(8) == 0) stream_exited((pid_t)(1000 + random_below(50)), 0);
    if (link_connected() && random_below(3) == 0) receive(true);
    if (random_below(60) == 0) guest.state = (enum guest_state)random_below(3);
  }
  if (answered == 0 || opened == 0 || flooded == 0) broken("the frames reached nothing");
  printf("%u rounds: %zu frames answered, %zu files opened, %zu long replies\n", rounds, answered, opened, flooded);
  return 0;
}
