/*
 * Stdio of the workload, of execs and of files, between their descriptors and the daemon. Output flows only as far as the daemon gave
 * credit, input only as far as the window is free, so a stalled reader stalls its own stream and memory stays bounded.
 */
#include "hull.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define INPUT_CAPACITY (2 * STDIN_WINDOW)
#define WORKLOAD_READ 4096
/* How long the pipes of an exec that ended may be held open by processes that it left behind. */
#define LINGER_MS 100

struct stream {
  uint32_t id;
  pid_t pid; /* 0 for a file, -1 once reaped */
  struct process_pipes fds;
  bool terminal, attached, input_ended, exited, reported;
  int status;
  uint64_t exited_at;
  uint32_t credit;
  size_t overshoot;
  uint8_t *input;
  size_t input_start, input_end;
};

static struct stream streams[STREAMS_MAX];

struct stream *stream_find(uint32_t id) {
  for (size_t i = 0; i < STREAMS_MAX; i++)
    if (streams[i].id == id && id != 0) return &streams[i];
  return NULL;
}

bool stream_room(void) {
  for (size_t i = 0; i < STREAMS_MAX; i++)
    if (streams[i].id == 0) return true;
  return false;
}

struct stream *stream_add(uint32_t id, pid_t pid, struct process_pipes pipes, bool terminal, bool attached) {
  for (size_t i = 0; i < STREAMS_MAX; i++) {
    if (streams[i].id != 0) continue;
    streams[i] = (struct stream){.id = id, .pid = pid, .fds = pipes, .terminal = terminal, .attached = attached};
    return &streams[i];
  }
  return NULL;
}

pid_t stream_pid(const struct stream *stream) { return stream->exited ? -1 : stream->pid; }

static void close_fd(int *fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

/* A terminal is one descriptor under two names. */
static void close_input(struct stream *stream) {
  if (stream->terminal) stream->fds.in = -1;
  else close_fd(&stream->fds.in);
}

static void close_output(struct stream *stream) {
  if (stream->terminal) stream->fds.in = -1;
  close_fd(&stream->fds.out);
  close_fd(&stream->fds.err);
}

static void stream_remove(struct stream *stream) {
  close_input(stream);
  close_output(stream);
  free(stream->input);
  /* Whoever is in the middle of this stream finds it without descriptors, not with descriptor 0. */
  *stream = (struct stream){.fds = {-1, -1, -1}};
}

bool stream_stdin(struct stream *stream, const uint8_t *data, size_t size) {
  if (stream->input == NULL && (stream->input = malloc(INPUT_CAPACITY)) == NULL) return false;
  if (size > INPUT_CAPACITY - stream->input_end) {
    memmove(stream->input, stream->input + stream->input_start, stream->input_end - stream->input_start);
    stream->input_end -= stream->input_start;
    stream->input_start = 0;
  }
  if (size > INPUT_CAPACITY - stream->input_end) return false;
  memcpy(stream->input + stream->input_end, data, size);
  stream->input_end += size;
  return true;
}

void stream_stdin_end(struct stream *stream) { stream->input_ended = true; }

void stream_credit(struct stream *stream, uint32_t bytes) {
  stream->credit = bytes > UINT32_MAX - stream->credit ? UINT32_MAX : stream->credit + bytes;
}

void stream_attach(struct stream *stream, bool attached) {
  if (attached && !stream->attached) stream->credit = 0;
  stream->attached = attached;
}

void stream_resize(struct stream *stream, uint16_t rows, uint16_t columns) {
  struct winsize size = {.ws_row = rows, .ws_col = columns};
  if (stream->terminal && stream->fds.out >= 0) ioctl(stream->fds.out, TIOCSWINSZ, &size);
}

static void ended(struct stream *stream, int status) {
  stream->exited = true;
  stream->status = status;
  stream->exited_at = now_milliseconds();
}

void stream_exited(pid_t pid, int status) {
  for (size_t i = 0; i < STREAMS_MAX; i++)
    if (streams[i].id != 0 && streams[i].pid == pid && !streams[i].exited)
      ended(&streams[i], WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

void streams_orphan(void) {
  for (size_t i = 0; i < STREAMS_MAX; i++) {
    if (streams[i].id == WORKLOAD_STREAM) stream_attach(&streams[i], false);
    else if (streams[i].id != 0) stream_remove(&streams[i]);
  }
}

static void return_credit(struct stream *stream, size_t size) {
  uint8_t payload[4];
  put32(payload, (uint32_t)size);
  link_send(FRAME_STDIN_CREDIT, stream->id, payload, sizeof payload);
}

static void pump_input(struct stream *stream) {
  while (stream->input_end > stream->input_start) {
    size_t size = stream->input_end - stream->input_start;
    ssize_t count = stream->fds.in < 0 ? (ssize_t)size : write(stream->fds.in, stream->input + stream->input_start, size);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count < 0) {
      /* Nobody reads any more: the rest is taken and forgotten, so that the sender does not wait for ever. */
      if (stream->pid == 0) ended(stream, errno);
      close_input(stream);
      continue;
    }
    stream->input_start += (size_t)count;
    return_credit(stream, (size_t)count);
  }
  stream->input_start = stream->input_end = 0;
  if (!stream->input_ended) return;
  if (!stream->terminal) close_input(stream);
  if (stream->pid == 0 && !stream->exited) ended(stream, 0);
}

/* How many bytes of output may be taken now. */
static size_t allowance(const struct stream *stream) {
  size_t most = stream->id == WORKLOAD_STREAM ? WORKLOAD_READ : FRAME_PAYLOAD_MAX - 1;
  if (stream->id == WORKLOAD_STREAM && !log_ready()) return 0;
  if (!stream->attached || !link_connected()) return most;
  if (!link_ready()) return 0;
  if (stream->exited && stream->pid != 0) return most;
  return stream->credit < most ? stream->credit : most;
}

/* {u8 1 or 2, bytes} */
static void pass_on(struct stream *stream, uint8_t number, uint8_t *frame, size_t size) {
  if (stream->id == WORKLOAD_STREAM) log_output(number == 1 ? "stdout" : "stderr", frame + 1, size);
  if (!stream->attached) return;
  if (size > stream->credit) {
    stream->overshoot += size - stream->credit;
    if (stream->overshoot > FINAL_OVERSHOOT) return;
  }
  stream->credit -= size < stream->credit ? (uint32_t)size : stream->credit;
  frame[0] = number;
  link_send(FRAME_OUTPUT, stream->id, frame, size + 1);
}

static void pump_output(struct stream *stream, int *fd, uint8_t number) {
  uint8_t frame[FRAME_PAYLOAD_MAX];
  for (int turn = 0; *fd >= 0 && turn < 16; turn++) {
    size_t most = allowance(stream);
    if (most == 0) return;
    ssize_t count = read(*fd, frame + 1, most);
    if (count > 0) {
      pass_on(stream, number, frame, (size_t)count);
      continue;
    }
    if (count < 0 && errno == EINTR) continue;
    /* A terminal that nobody has open reports EIO; somebody may open it again while the process lives. */
    bool waiting = count < 0 && (errno == EAGAIN || (errno == EIO && stream->terminal && !stream->exited));
    if (waiting) return;
    if (stream->pid == 0) ended(stream, count < 0 ? errno : 0);
    if (stream->terminal) stream->fds.in = -1;
    close_fd(fd);
  }
}

static void finish(struct stream *stream) {
  bool open = stream->fds.out >= 0 || stream->fds.err >= 0;
  bool lingers = stream->id != WORKLOAD_STREAM && now_milliseconds() - stream->exited_at > LINGER_MS && allowance(stream) > 0;
  if (!stream->exited || stream->reported || (open && !lingers)) return;
  uint8_t payload[4];
  put32(payload, (uint32_t)stream->status);
  link_send(FRAME_OUTPUT_END, stream->id, "", 0);
  if (stream->id == WORKLOAD_STREAM) {
    /* main.c sends EXIT once the exit is on record. */
    stream->reported = true;
    return;
  }
  link_send(FRAME_EXIT, stream->id, payload, sizeof payload);
  stream_remove(stream);
}

void streams_pump(void) {
  for (size_t i = 0; i < STREAMS_MAX; i++) {
    struct stream *stream = &streams[i];
    if (stream->id == 0) continue;
    pump_input(stream);
    pump_output(stream, &stream->fds.out, 1);
    pump_output(stream, &stream->fds.err, 2);
    finish(stream);
  }
}

bool workload_drained(int *status) {
  struct stream *stream = stream_find(WORKLOAD_STREAM);
  if (stream == NULL || !stream->reported) return false;
  *status = stream->status;
  return true;
}

static size_t want(struct pollfd *fds, size_t count, size_t capacity, int fd, short events) {
  if (fd < 0 || count == capacity) return count;
  fds[count] = (struct pollfd){.fd = fd, .events = events};
  return count + 1;
}

size_t streams_poll(struct pollfd *fds, size_t capacity) {
  size_t count = 0;
  for (size_t i = 0; i < STREAMS_MAX; i++) {
    const struct stream *stream = &streams[i];
    if (stream->id == 0) continue;
    if (stream->input_end > stream->input_start) count = want(fds, count, capacity, stream->fds.in, POLLOUT);
    if (allowance(stream) == 0) continue;
    /* A terminal without a process at its other end would report a hang-up without end: the main loop's own pace is enough. */
    struct pollfd state = {.fd = stream->fds.out, .events = POLLIN};
    if (stream->terminal && poll(&state, 1, 0) > 0 && (state.revents & POLLIN) == 0) continue;
    count = want(fds, count, capacity, stream->fds.out, POLLIN);
    count = want(fds, count, capacity, stream->fds.err, POLLIN);
  }
  return count;
}
