/*
 * The workload's output as log lines, through a port whose other end is the host's recorder, which keeps the file within its bound: nothing is lost
 * while no daemon runs. Line format: RFC 3339 time with nanoseconds, stream, F (full) or P (partial line), text.
 */
#include "hull.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOG_BUFFER (256 * 1024)
/* The most that one read of output (4 KiB, every byte a line feed) may turn into; see stream.c. */
#define LOG_BURST (56 * 4096)

static int port = -1;
static uint8_t pending[LOG_BUFFER];
static size_t pending_start, pending_end;

void log_open(void) {
  port = open_port("hull.log", O_WRONLY | O_NONBLOCK);
  if (port < 0) fatal("the log port is missing");
}

bool log_ready(void) { return sizeof pending - (pending_end - pending_start) > LOG_BURST; }
int log_poll_fd(void) { return pending_end > pending_start ? port : -1; }

static void append(const void *data, size_t size) {
  if (size > sizeof pending - pending_end) {
    memmove(pending, pending + pending_start, pending_end - pending_start);
    pending_end -= pending_start;
    pending_start = 0;
  }
  if (size > sizeof pending - pending_end) return;
  memcpy(pending + pending_end, data, size);
  pending_end += size;
}

static void append_line(const char *prefix, size_t prefix_size, const uint8_t *text, size_t size) {
  append(prefix, prefix_size);
  append(text, size);
  append("\n", 1);
}

void log_output(const char *name, const uint8_t *data, size_t size) {
  struct timespec time;
  struct tm date;
  clock_gettime(CLOCK_REALTIME, &time);
  gmtime_r(&time.tv_sec, &date);
  char prefix[80];
  size_t length = strftime(prefix, sizeof prefix, "%Y-%m-%dT%H:%M:%S", &date);
  length += (size_t)snprintf(prefix + length, sizeof prefix - length, ".%09ld+00:00 %s F ", time.tv_nsec, name);
  while (size > 0) {
    const uint8_t *end = memchr(data, '\n', size);
    size_t text = end == NULL ? size : (size_t)(end - data);
    prefix[length - 2] = end == NULL ? 'P' : 'F';
    append_line(prefix, length, data, text);
    size_t taken = text + (end != NULL);
    data += taken;
    size -= taken;
  }
  log_flush(false);
}

/* `block`: the host has taken everything when it returns. */
void log_flush(bool block) {
  if (block) fcntl(port, F_SETFL, 0);
  while (pending_end > pending_start) {
    ssize_t count = write(port, pending + pending_start, pending_end - pending_start);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    pending_start += (size_t)count;
  }
  pending_start = pending_end = 0;
}

/* The exit record: a blocking write returns when QEMU has passed it on. */
void log_exit(int status, bool out_of_memory) {
  log_flush(true);
  int exit_port = open_port("hull.exit", O_WRONLY);
  if (exit_port < 0) return;
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  char record[160];
  snprintf(record, sizeof record, "{\"code\":%d,\"oomKilled\":%s,\"finishedAt\":%lld}\n", status, out_of_memory ? "true" : "false",
           (long long)time.tv_sec * 1000 + time.tv_nsec / 1000000);
  write_all(exit_port, record, strlen(record));
  close(exit_port);
}
