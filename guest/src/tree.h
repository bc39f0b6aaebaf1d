/* Trees of files over a stream: one record each, the data after it (../PROTOCOL.md, "Trees"; src/runtime/vm/tree-records.ts has the same). */
#ifndef TREE_H
#define TREE_H

#include "hull.h"

#include <sys/stat.h>

#define RECORD_SIZE 80
#define RECORD_MAGIC 0x454c4946 /* "FILE" */
#define RECORD_HARD_LINK 1
/* What the image has at the path, after what the instance has: without data, as is everything where changes are asked for. */
#define RECORD_BEFORE 2
/* Another name of a file whose bytes were sent: they are not sent again. */
#define RECORD_SENT 4
#define XATTRS_MAX 65536

enum tree_operation { TREE_STAT = 1, TREE_READ = 2, TREE_WRITE = 3, TREE_ROOT = 4, TREE_UPPER = 5, TREE_CHANGES = 6 };

struct record {
  uint32_t mode, uid, gid, major, minor, links, flags;
  uint64_t size, device, inode;
  int64_t seconds;
  uint32_t nanoseconds;
  uint32_t path_size, link_size, xattrs_size;
};

/* Ends the process: the status is an errno, the text goes to standard error. */
void tree_fail(int error, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));
/* A path below a folder; false when it is too long. */
bool tree_join(char *path, size_t size, const char *folder, const char *name);
/* Writes records of `path`, and with `deep` of all below it, to standard output. */
void tree_read(const char *path, bool deep);
/* Writes records of everything below `/upper`, each followed by that of `/lower` where there is one; of hidden folders' contents too. */
void tree_changes(void);
/* Makes what the records on standard input say in the folder `path`. `owner`: instead of theirs; NULL to keep them. */
void tree_write(const char *path, bool keep_kinds, const struct user *owner);

#endif
