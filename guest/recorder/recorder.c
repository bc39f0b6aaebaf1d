/*
 * Records what a VM says: its log, its console, its exit record and QEMU's own messages, each in a file with a bound. One for each VM, at the
 * other end of QEMU's pipes: the bounds hold whether or not a daemon runs, and whatever the guest writes.
 *
 *   hull-recorder --instance NAME [KIND:LIMIT PIPE PATH]...
 *
 *   lines  log lines: when the file would grow beyond LIMIT, an empty one takes its place, between two lines (as conmon does it)
 *   text   bytes that become log lines of stdout, with the time at which they came; then as `lines`
 *   tail   the newest bytes: at LIMIT the file becomes PATH.1, which is the only one kept
 *   head   the first LIMIT bytes; the rest is read and dropped
 *
 * LIMIT 0 means none. Streams are served in the order in which they are given: what comes through one is in its file before what was sent later
 * through one further back. Ends when all streams have ended: when QEMU has.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "recorder.h"

/* A console writes byte by byte: it is looked at this often, and its unfinished line is written out after a while. */
#define CONSOLE_PACE_MS 5
#define UNFINISHED_MS 100

static uint64_t now_milliseconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

static bool open_file(struct channel *channel, const char *path, int flags) {
  struct stat facts;
  int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
  if (file < 0) return false;
  if (channel->file >= 0) close(channel->file);
  channel->file = file;
  channel->size = fstat(file, &facts) == 0 ? (uint64_t)facts.st_size : 0;
  return true;
}

/* A new file in the place of the full one. False: there is no room for another; what comes is dropped, so that the bound holds. */
static bool replace(struct channel *channel) {
  char other[PATH_SIZE + 8];
  if (channel->kind == KIND_TAIL) {
    snprintf(other, sizeof other, "%s.1", channel->path);
    return rename(channel->path, other) == 0 && open_file(channel, channel->path, O_TRUNC);
  }
  snprintf(other, sizeof other, "%s.tmp", channel->path);
  int fresh = open(other, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fresh < 0) return false;
  close(fresh);
  return rename(other, channel->path) == 0 && open_file(channel, channel->path, 0);
}

/* All of it, or (no room on the disk) nothing: a torn line would spoil the next one. */
static void append(struct channel *channel, const char *data, size_t size) {
  if (channel->file < 0 && !open_file(channel, channel->path, 0)) return;
  size_t done = 0;
  while (done < size) {
    ssize_t count = write(channel->file, data + done, size - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      (void)!ftruncate(channel->file, (off_t)channel->size);
      return;
    }
    done += (size_t)count;
  }
  channel->size += size;
}

/* How many bytes of whole lines fit into `room`. */
static size_t whole_lines(const char *data, size_t size, uint64_t room) {
  if (size <= room) return size;
  const char *end = memrchr(data, '\n', (size_t)room);
  return end == NULL ? 0 : (size_t)(end + 1 - data);
}

void record(struct channel *channel, const char *data, size_t size) {
  uint64_t limit = channel->limit;
  while (size > 0) {
    uint64_t room = limit == 0 ? UINT64_MAX : channel->size < limit ? limit - channel->size : 0;
    size_t fits = channel->kind == KIND_HEAD || channel->kind == KIND_TAIL ? (size < room ? size : (size_t)room) : whole_lines(data, size, room);
    /* A line longer than a whole file: what of it fits. */
    if (fits == 0 && channel->size == 0) fits = (size_t)room;
    if (fits > 0) append(channel, data, fits);
    data += fits;
    size -= fits;
    if (size == 0 || channel->kind == KIND_HEAD) return;
    if (!replace(channel)) return;
  }
}

/* "2026-11-22T12:39:31.708534235+00:00 stdout F " */
static size_t line_head(char *text, size_t size, bool full) {
  struct timespec time;
  struct tm date;
  clock_gettime(CLOCK_REALTIME, &time);
  gmtime_r(&time.tv_sec, &date);
  size_t length = strftime(text, size, "%Y-%m-%dT%H:%M:%S", &date);
  return length + (size_t)snprintf(text + length, size - length, ".%09ld+00:00 stdout %c ", time.tv_nsec, full ? 'F' : 'P');
}

static void record_text(struct channel *channel, const char *data, size_t size, bool full) {
  char line[LINE_SIZE + 80];
  size_t length = line_head(line, 80, full);
  memcpy(line + length, data, size);
  line[length + size] = '\n';
  record(channel, line, length + size + 1);
}

/* Lines of at most LINE_SIZE; `unfinished`: what has no end yet goes out too. */
static void take_text(struct channel *channel, bool unfinished) {
  size_t at = 0;
  while (at < channel->held) {
    size_t left = channel->held - at;
    const char *end = memchr(channel->data + at, '\n', left < LINE_SIZE ? left : LINE_SIZE);
    if (end == NULL && left < LINE_SIZE && !unfinished) break;
    size_t size = end != NULL ? (size_t)(end - channel->data) - at : left < LINE_SIZE ? left : LINE_SIZE;
    record_text(channel, channel->data + at, size, end != NULL);
    at += size + (end != NULL);
  }
  memmove(channel->data, channel->data + at, channel->held - at);
  channel->held -= at;
}

static void take_lines(struct channel *channel, bool unfinished) {
  const char *end = memrchr(channel->data, '\n', channel->held);
  size_t size = unfinished || (end == NULL && channel->held == sizeof channel->data) ? channel->held
                : end == NULL                                                       ? 0
                                                                                    : (size_t)(end + 1 - channel->data);
  record(channel, channel->data, size);
  memmove(channel->data, channel->data + size, channel->held - size);
  channel->held -= size;
}

void take(struct channel *channel, bool unfinished) {
  if (channel->kind == KIND_TEXT) take_text(channel, unfinished);
  else take_lines(channel, unfinished || channel->kind != KIND_LINES);
}

bool parse_channel(struct channel *channel, const char *description, const char *path) {
  char kind[8], rest;
  unsigned long long limit;
  *channel = (struct channel){.file = -1, .fd = -1};
  if (sscanf(description, "%7[a-z]:%llu%c", kind, &limit, &rest) != 2 || path[0] != '/' || strlen(path) >= PATH_SIZE) return false;
  static const char *const names[] = {"lines", "text", "tail", "head"};
  int found = -1;
  for (int i = 0; i < 4; i++)
    if (strcmp(kind, names[i]) == 0) found = i;
  if (found < 0) return false;
  channel->kind = (enum kind)found;
  channel->limit = limit;
  strcpy(channel->path, path);
  return true;
}

/* Reads what is there. False at the end. */
static bool drain(struct channel *channel) {
  ssize_t count = read(channel->fd, channel->data + channel->held, sizeof channel->data - channel->held);
  if (count < 0) return errno == EINTR || errno == EAGAIN;
  if (count == 0) {
    take(channel, true);
    close(channel->fd);
    channel->fd = -1;
    return false;
  }
  if (channel->held == 0) channel->since = now_milliseconds();
  channel->held += (size_t)count;
  take(channel, false);
  return true;
}

static bool is_console(const struct channel *channel) { return channel->kind == KIND_TEXT || channel->kind == KIND_TAIL; }

static void flush_unfinished(struct channel *channel) {
  if (channel->kind == KIND_TEXT && channel->held > 0 && now_milliseconds() - channel->since >= UNFINISHED_MS) take(channel, true);
}

/* One look at all streams: the first that has something is read. False when all have ended. */
static bool turn(struct channel *channels, size_t count) {
  struct pollfd fds[CHANNELS_MAX];
  bool open = false;
  int wait = -1;
  for (size_t i = 0; i < count; i++) {
    fds[i] = (struct pollfd){.fd = channels[i].fd, .events = POLLIN};
    open |= channels[i].fd >= 0;
    if (channels[i].fd >= 0 && channels[i].kind == KIND_TEXT && channels[i].held > 0) wait = UNFINISHED_MS;
  }
  if (!open) return false;
  poll(fds, count, wait);
  bool paced = false;
  for (size_t i = 0; i < count; i++) {
    flush_unfinished(&channels[i]);
    if (channels[i].fd < 0 || fds[i].revents == 0) continue;
    bool more = drain(&channels[i]);
    if (!is_console(&channels[i])) return true;
    paced |= more && (fds[i].revents & POLLHUP) == 0;
  }
  if (paced) usleep(CONSOLE_PACE_MS * 1000);
  return true;
}

/* It writes to files of its own user's and needs no more than that. */
static void give_up_privileges(void) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct none[2] = {0};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  syscall(SYS_capset, &header, none);
  umask(077);
}

int main(int count, char **words) {
  static struct channel channels[CHANNELS_MAX];
  size_t channel_count = 0;
  give_up_privileges();
  /* It outlives whoever started it, and ends after QEMU does. */
  static const int deaf[] = {SIGHUP, SIGINT, SIGTERM, SIGPIPE};
  for (size_t i = 0; i < sizeof deaf / sizeof *deaf; i++) signal(deaf[i], SIG_IGN);
  for (int i = 3; i + 2 < count && channel_count < CHANNELS_MAX; i += 3) {
    struct channel *channel = &channels[channel_count++];
    if (!parse_channel(channel, words[i], words[i + 2])) return 2;
    /* Without waiting for QEMU, which waits for this. A pipe that nobody has opened yet has no end. */
    channel->fd = open(words[i + 1], O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (channel->fd < 0) return 1;
    open_file(channel, channel->path, 0);
  }
  while (turn(channels, channel_count)) continue;
  return 0;
}
