/* Records on standard input as files in a folder. Names have been cleaned by the daemon: none leads up. */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define BUFFER 65536

static uint8_t buffer[BUFFER];
static uint8_t xattrs[XATTRS_MAX];
static char base[PATH_MAX];

/* False at the end of the stream, between records. */
static bool take(void *data, size_t size, bool may_end) {
  size_t done = 0;
  while (done < size) {
    ssize_t count = read(STDIN_FILENO, (uint8_t *)data + done, size - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0 && done == 0 && may_end) return false;
    if (count <= 0) tree_fail(EINVAL, "the archive ends in the middle of a member");
    done += (size_t)count;
  }
  return true;
}

static bool take_record(struct record *record, char *path, char *link) {
  uint8_t bytes[RECORD_SIZE];
  if (!take(bytes, sizeof bytes, true)) return false;
  *record = (struct record){.mode = get32(bytes + 4), .uid = get32(bytes + 8), .gid = get32(bytes + 12), .size = get64(bytes + 16),
    .seconds = (int64_t)get64(bytes + 24), .nanoseconds = get32(bytes + 32), .major = get32(bytes + 36), .minor = get32(bytes + 40),
    .path_size = get32(bytes + 64), .link_size = get32(bytes + 68), .xattrs_size = get32(bytes + 72), .flags = get32(bytes + 76)};
  bool fits = record->path_size < PATH_MAX && record->link_size < PATH_MAX && record->xattrs_size <= XATTRS_MAX;
  if (get32(bytes) != RECORD_MAGIC || !fits) tree_fail(EINVAL, "a name of the archive is too long");
  take(path, record->path_size, false);
  take(link, record->link_size, false);
  take(xattrs, record->xattrs_size, false);
  path[record->path_size] = link[record->link_size] = 0;
  return true;
}

static void failed(const char *path) { tree_fail(errno, "%s: %s", path, strerror(errno)); }

static void make_parents(char *path, const struct user *owner) {
  for (char *at = path + 1; *at != 0; at++) {
    if (*at != '/') continue;
    *at = 0;
    if (mkdir(path, 0755) == 0 && owner != NULL && lchown(path, owner->uid, owner->gid) != 0) failed(path);
    *at = '/';
  }
}

static int remove_one(const char *path, const struct stat *facts, int type, struct FTW *place) {
  (void)facts, (void)type, (void)place;
  return remove(path);
}

/* Docker's rules: folders are merged, everything else that is in the way goes. */
static void clear(const char *path, bool folder, bool keep_kinds) {
  struct stat facts;
  if (lstat(path, &facts) != 0 || (folder && S_ISDIR(facts.st_mode))) return;
  if (keep_kinds && folder != S_ISDIR(facts.st_mode))
    tree_fail(EEXIST, "cannot overwrite %sdirectory \"%s\" with %sdirectory \"%s\"", folder ? "non-" : "", path, folder ? "" : "non-", base);
  if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0) failed(path);
}

static void set_xattrs(const char *path, size_t size) {
  char name[256];
  for (size_t at = 0; at + 6 <= size;) {
    size_t name_size = get16(xattrs + at), value_size = get32(xattrs + at + 2);
    if (name_size >= sizeof name || name_size + value_size > size - at - 6) return;
    memcpy(name, xattrs + at + 6, name_size);
    name[name_size] = 0;
    /* Attributes that this filesystem cannot have are left out, as every unpacker does. */
    lsetxattr(path, name, xattrs + at + 6 + name_size, value_size, 0);
    at += 6 + name_size + value_size;
  }
}

static void make_file(const char *path, uint64_t size) {
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) failed(path);
  for (uint64_t left = size; left > 0;) {
    size_t count = left < BUFFER ? (size_t)left : BUFFER;
    take(buffer, count, false);
    if (!write_all(fd, buffer, count)) failed(path);
    left -= count;
  }
  close(fd);
}

static void make(const struct record *record, const char *path, const char *link) {
  dev_t device = makedev(record->major, record->minor);
  int done = 0;
  if (S_ISREG(record->mode)) make_file(path, record->size);
  else if (S_ISDIR(record->mode)) done = mkdir(path, 0700) != 0 && errno != EEXIST ? -1 : 0;
  else if (S_ISLNK(record->mode)) done = symlink(link, path);
  else done = mknod(path, (record->mode & S_IFMT) | 0600, device);
  if (done != 0) failed(path);
}

/* Owner before mode (it clears set-id bits) and before attributes (it clears capabilities). */
static void dress(const struct record *record, const char *path, const struct user *owner) {
  struct timespec times[2] = {{record->seconds, record->nanoseconds}, {record->seconds, record->nanoseconds}};
  uid_t uid = owner == NULL ? record->uid : owner->uid;
  gid_t gid = owner == NULL ? record->gid : owner->gid;
  if (lchown(path, uid, gid) != 0) failed(path);
  if (!S_ISLNK(record->mode) && chmod(path, record->mode & 07777) != 0) failed(path);
  set_xattrs(path, record->xattrs_size);
  utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
}

static void apply(const struct record *record, const char *name, const char *link, bool keep_kinds, const struct user *owner) {
  char path[PATH_MAX], target[PATH_MAX];
  bool folder = S_ISDIR(record->mode);
  if (name[0] == 0) return;
  if (!tree_join(path, sizeof path, base, name)) tree_fail(ENAMETOOLONG, "%s: the name is too long", name);
  make_parents(path, owner);
  if (record->flags & RECORD_HARD_LINK) {
    if (!tree_join(target, sizeof target, base, link)) tree_fail(ENAMETOOLONG, "%s: the name is too long", link);
    if (strcmp(target, path) == 0) return;
    clear(path, false, keep_kinds);
    if (linkat(AT_FDCWD, target, AT_FDCWD, path, 0) != 0) failed(path);
    return;
  }
  clear(path, folder, keep_kinds);
  make(record, path, link);
  dress(record, path, owner);
}

void tree_write(const char *path, bool keep_kinds, const struct user *owner) {
  static char name[PATH_MAX], link[PATH_MAX];
  struct record record;
  if (chdir(path) != 0) tree_fail(errno, "extraction point is not a directory");
  if (getcwd(base, sizeof base) == NULL) failed(path);
  while (take_record(&record, name, link)) apply(&record, name, link, keep_kinds, owner);
}
