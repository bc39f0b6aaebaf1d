/*
 * Feeds the recorder random bytes in random pieces, with random limits, and looks at its files: within the bound at every moment, whole lines, the
 * newest bytes in order.
 */
#define _GNU_SOURCE
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../recorder/recorder.h"

static size_t read_file(const char *path, char *data, size_t size) {
  int fd = open(path, O_RDONLY);
  if (fd < 0) return 0;
  ssize_t count = read(fd, data, size);
  close(fd);
  assert(count >= 0);
  return (size_t)count;
}

static uint64_t size_of(const char *path) {
  struct stat facts;
  return stat(path, &facts) == 0 ? (uint64_t)facts.st_size : 0;
}

static void feed(struct channel *channel, const char *data, size_t size) {
  assert(size <= sizeof channel->data - channel->held);
  memcpy(channel->data + channel->held, data, size);
  channel->held += size;
  take(channel, false);
}

static char all[1 << 20], seen[1 << 20];

static void round_of(const char *folder, unsigned number) {
  static const char *const kinds[] = {"lines", "text", "tail", "head"};
  static struct channel channel;
  unsigned kind = (unsigned)rand() % 4;
  unsigned long limit = rand() % 8 == 0 ? 0 : 1 + (unsigned long)rand() % (rand() % 2 ? 200 : 20000);
  char text[64], path[PATH_SIZE], other[PATH_SIZE + 8];
  snprintf(path, sizeof path, "%s/%u", folder, number);
  snprintf(other, sizeof other, "%s.1", path);
  snprintf(text, sizeof text, "%s:%lu", kinds[kind], limit);
  assert(parse_channel(&channel, text, path));
  size_t total = 0;
  for (int piece = 0; piece < 40; piece++) {
    char data[5000];
    size_t size = (size_t)rand() % (rand() % 4 == 0 ? sizeof data : 60);
    for (size_t i = 0; i < size; i++) data[i] = rand() % 30 == 0 ? '\n' : (char)(rand() % 256);
    memcpy(all + total, data, size);
    total += size;
    feed(&channel, data, size);
    if (kind == KIND_TEXT && rand() % 10 == 0) take(&channel, true);
    if (limit > 0) assert(size_of(path) <= limit && size_of(other) <= limit);
  }
  take(&channel, true);
  assert(channel.held == 0);
  size_t length = read_file(path, seen, sizeof seen);
  if (kind == KIND_HEAD) assert(length == (limit == 0 || total < limit ? total : limit) && memcmp(seen, all, length) == 0);
  if (kind == KIND_TAIL || kind == KIND_LINES) assert(length <= total && memcmp(seen, all + total - length, length) == 0);
  if (kind == KIND_LINES && limit == 0) assert(length == total);
  /* No line here is longer. */
  if (kind == KIND_LINES && limit > 5000 && length > 0 && length < total) assert(all[total - length - 1] == '\n');
  /* Each line of a console is one of the log's. */
  if (kind == KIND_TEXT && (limit == 0 || limit > LINE_SIZE + 100)) {
    for (char *line = seen; line < seen + length;) {
      char *end = memchr(line, '\n', (size_t)(seen + length - line));
      assert(end != NULL && end - line >= 45 && memcmp(line + 29, "+00:00 stdout ", 14) == 0);
      line = end + 1;
    }
  }
  close(channel.file);
  unlink(path);
  unlink(other);
}

int main(int count, char **words) {
  assert(count == 4);
  srand((unsigned)atoi(words[1]));
  struct channel channel;
  static const char *const malformed[] = {"", "lines", "lines:", "lines:x", "lines:1x", "other:1", ":1", "7:lines"};
  for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) assert(!parse_channel(&channel, malformed[i], "/p"));
  assert(!parse_channel(&channel, "lines:1", "relative") && parse_channel(&channel, "lines:1", "/p"));
  for (int number = 0; number < atoi(words[2]); number++) round_of(words[3], (unsigned)number);
  return 0;
}
