/* Files as records on standard output. The tree may change meanwhile: what is gone is left out, what is shorter is filled up with zeros. */
#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define BUFFER 65536

static uint8_t xattrs[XATTRS_MAX];
static uint8_t buffer[BUFFER];

static void send(const void *data, size_t size) {
  if (!write_all(STDOUT_FILENO, data, size)) _exit(EPIPE);
}

/* {u16 name length, u32 value length, name, value}; those that do not fit are left out. */
static size_t read_xattrs(const char *path) {
  static char names[XATTRS_MAX];
  size_t used = 0;
  ssize_t size = llistxattr(path, names, sizeof names);
  for (ssize_t at = 0; at < size; at += (ssize_t)strlen(names + at) + 1) {
    size_t name = strlen(names + at);
    if (used + 6 + name >= sizeof xattrs) break;
    ssize_t value = lgetxattr(path, names + at, xattrs + used + 6 + name, sizeof xattrs - used - 6 - name);
    if (value < 0) continue;
    put16(xattrs + used, (uint16_t)name);
    put32(xattrs + used + 2, (uint32_t)value);
    memcpy(xattrs + used + 6, names + at, name);
    used += 6 + name + (size_t)value;
  }
  return used;
}

static void send_record(const char *path, const char *name, const struct stat *facts, uint32_t flags) {
  uint8_t record[RECORD_SIZE] = {0};
  static char link[PATH_MAX];
  ssize_t link_size = S_ISLNK(facts->st_mode) ? readlink(path, link, sizeof link) : 0;
  if (link_size < 0) return;
  size_t xattrs_size = read_xattrs(path);
  put32(record, RECORD_MAGIC);
  put32(record + 4, facts->st_mode);
  put32(record + 8, facts->st_uid);
  put32(record + 12, facts->st_gid);
  put64(record + 16, (uint64_t)facts->st_size);
  put64(record + 24, (uint64_t)facts->st_mtim.tv_sec);
  put32(record + 32, (uint32_t)facts->st_mtim.tv_nsec);
  put32(record + 36, major(facts->st_rdev));
  put32(record + 40, minor(facts->st_rdev));
  put32(record + 44, (uint32_t)facts->st_nlink);
  put64(record + 48, facts->st_dev);
  put64(record + 56, facts->st_ino);
  put32(record + 64, (uint32_t)strlen(name));
  put32(record + 68, (uint32_t)link_size);
  put32(record + 72, (uint32_t)xattrs_size);
  put32(record + 76, flags);
  send(record, sizeof record);
  send(name, strlen(name));
  send(link, (size_t)link_size);
  send(xattrs, xattrs_size);
}

static void send_data(int fd, uint64_t size) {
  for (uint64_t left = size; left > 0;) {
    size_t wanted = left < BUFFER ? (size_t)left : BUFFER;
    ssize_t count = read(fd, buffer, wanted);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) memset(buffer, 0, (size_t)(count = (ssize_t)wanted));
    send(buffer, (size_t)count);
    left -= (uint64_t)count;
  }
}

/* Files of several names whose bytes were sent. Inode 0: a free place. */
struct file_id { uint64_t device, inode; };
static struct file_id *sent;
static size_t sent_count, sent_room;

static struct file_id *place_of(struct file_id *table, size_t room, struct file_id file) {
  size_t at = (size_t)((file.inode ^ file.device << 32) * 0x9e3779b97f4a7c15u >> 32);
  while (table[at & (room - 1)].inode != 0 && memcmp(&table[at & (room - 1)], &file, sizeof file) != 0) at++;
  return &table[at & (room - 1)];
}

/* Was it sent? From now on it was. Where there is no memory to know, it is sent again. */
static bool sent_before(const struct stat *facts) {
  if (facts->st_nlink < 2 || facts->st_size == 0) return false;
  if (sent_count * 2 >= sent_room) {
    size_t room = sent_room == 0 ? 64 : sent_room * 2;
    struct file_id *longer = calloc(room, sizeof *longer);
    if (longer == NULL) return false;
    for (size_t i = 0; i < sent_room; i++)
      if (sent[i].inode != 0) *place_of(longer, room, sent[i]) = sent[i];
    free(sent);
    sent = longer;
    sent_room = room;
  }
  struct file_id file = {facts->st_dev, facts->st_ino};
  struct file_id *place = place_of(sent, sent_room, file);
  if (place->inode != 0) return true;
  *place = file;
  sent_count++;
  return false;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Sorted, so that the same tree gives the same stream. The caller frees. */
static size_t list(const char *path, char ***names) {
  size_t count = 0, room = 0;
  *names = NULL;
  DIR *folder = opendir(path);
  for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if (count == room) {
      char **longer = realloc(*names, (room = room * 2 + 64) * sizeof **names);
      if (longer == NULL) tree_fail(ENOMEM, "the folder %s has too many files", path);
      *names = longer;
    }
    if (((*names)[count] = strdup(entry->d_name)) == NULL) tree_fail(ENOMEM, "the folder %s has too many files", path);
    count++;
  }
  if (folder != NULL) closedir(folder);
  if (count > 0) qsort(*names, count, sizeof **names, by_name);
  return count;
}

/* The path of a file in a folder, the caller frees. What is too deep for the kernel's paths ends the request: nothing is left out in silence. */
static char *below(const char *folder, const char *name) {
  char *path = malloc(PATH_MAX);
  if (path == NULL) tree_fail(ENOMEM, "no memory for the path of a file");
  if (!tree_join(path, PATH_MAX, folder, name)) tree_fail(ENAMETOOLONG, "a folder is too deep: paths have %d bytes at most", PATH_MAX - 1);
  return path;
}

static void walk(const char *path, const char *name, const struct stat *facts) {
  if (S_ISREG(facts->st_mode)) {
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return;
    bool before = sent_before(facts);
    send_record(path, name, facts, before ? RECORD_SENT : 0);
    if (!before) send_data(fd, (uint64_t)facts->st_size);
    close(fd);
    return;
  }
  if (S_ISSOCK(facts->st_mode)) return;
  send_record(path, name, facts, 0);
  if (!S_ISDIR(facts->st_mode)) return;
  char **names;
  size_t count = list(path, &names);
  for (size_t i = 0; i < count; i++) {
    /* Not on the stack: there may be two thousand of these at once. */
    char *entry_path = below(path, names[i]), *entry_name = below(name, names[i]);
    struct stat entry;
    if (lstat(entry_path, &entry) == 0) walk(entry_path, entry_name, &entry);
    free(entry_path);
    free(entry_name);
    free(names[i]);
  }
  free(names);
}

void tree_read(const char *path, bool deep) {
  struct stat facts;
  if (lstat(path, &facts) != 0) tree_fail(errno, "lstat %s: %s", path, errno == ENOTDIR ? "not a directory" : strerror(errno));
  if (deep) walk(path, "", &facts);
  else send_record(path, "", &facts, 0);
}

static bool is_opaque(const char *path) {
  char value;
  return lgetxattr(path, "trusted.overlay.opaque", &value, 1) == 1 && value == 'y';
}

static void send_before(const char *name) {
  char path[PATH_MAX];
  struct stat facts;
  if (tree_join(path, sizeof path, "/lower", name) && lstat(path, &facts) == 0) send_record(path, name, &facts, RECORD_BEFORE);
}

/* A folder that hides the image's: what it hides is told too. */
static void send_hidden(const char *name) {
  char path[PATH_MAX];
  char **names;
  if (!tree_join(path, sizeof path, "/lower", name)) return;
  size_t count = list(path, &names);
  for (size_t i = 0; i < count; i++) {
    char *hidden = below(name, names[i]);
    send_before(hidden);
    free(hidden);
    free(names[i]);
  }
  free(names);
}

static void compare(const char *name) {
  char **names;
  char *folder = below("/upper", name);
  size_t count = list(folder, &names);
  for (size_t i = 0; i < count; i++) {
    char *path = below(folder, names[i]), *entry = below(name, names[i]);
    struct stat facts;
    if (lstat(path, &facts) == 0) {
      send_record(path, entry, &facts, 0);
      send_before(entry);
      if (S_ISDIR(facts.st_mode) && is_opaque(path)) send_hidden(entry);
      if (S_ISDIR(facts.st_mode)) compare(entry);
    }
    free(path);
    free(entry);
    free(names[i]);
  }
  free(names);
  free(folder);
}

void tree_changes(void) { compare(""); }
