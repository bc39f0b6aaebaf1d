/* What the recorder's tests reach. recorder.c describes the program. */
#ifndef RECORDER_H
#define RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHANNELS_MAX 8
#define PATH_SIZE 1024
/* Bytes of one line of a console; a longer one is told in parts. */
#define LINE_SIZE 4096
#define HELD_SIZE 65536

enum kind { KIND_LINES, KIND_TEXT, KIND_TAIL, KIND_HEAD };

struct channel {
  int fd, file;
  enum kind kind;
  uint64_t limit, size, since;
  size_t held;
  char path[PATH_SIZE];
  char data[HELD_SIZE];
};

/* `description`: "KIND:LIMIT". False when malformed. */
bool parse_channel(struct channel *channel, const char *description, const char *path);
/* Passes on what is held; `unfinished`: what has no end yet too. */
void take(struct channel *channel, bool unfinished);
/* Appends to the file within its bound. */
void record(struct channel *channel, const char *data, size_t size);

#endif
