/* The mounts that a container would have, and the user's own. */
#include "hull.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

int root_open(const char *path, int flags, mode_t mode) {
  int root = open(NEW_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) return -1;
  struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC), .mode = (flags & O_CREAT) ? mode : 0, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
  int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof how);
  int error = errno;
  close(root);
  errno = error;
  return fd;
}

/* Makes the folders of `path` inside the new root, each through its own descriptor. */
static bool make_folders(const char *path) {
  char partial[4096];
  size_t length = strlen(path);
  if (length >= sizeof partial) return false;
  for (size_t end = 1; end <= length; end++) {
    if (path[end] != '/' && path[end] != 0) continue;
    memcpy(partial, path, end);
    partial[end] = 0;
    int fd = root_open(partial, O_PATH | O_DIRECTORY, 0);
    if (fd >= 0) {
      close(fd);
      continue;
    }
    char *name = strrchr(partial, '/');
    *name++ = 0;
    int parent = root_open(partial[0] ? partial : "/", O_PATH | O_DIRECTORY, 0);
    if (parent < 0) return false;
    bool made = *name == 0 || mkdirat(parent, name, 0755) == 0 || errno == EEXIST;
    close(parent);
    if (!made) return false;
  }
  return true;
}

bool open_target(const char *target, bool folder, char *path, size_t size) {
  if (target[0] != '/') return false;
  int fd;
  if (folder) {
    if (!make_folders(target)) return false;
    fd = root_open(target, O_PATH, 0);
  } else {
    char parent[4096];
    snprintf(parent, sizeof parent, "%s", target);
    char *slash = strrchr(parent, '/');
    *slash = 0;
    if (parent[0] && !make_folders(parent)) return false;
    /* An image's FIFO in its place would wait for a writer for ever. */
    fd = root_open(target, O_RDONLY | O_CREAT | O_NONBLOCK, 0644);
  }
  if (fd < 0) return false;
  snprintf(path, size, "/proc/self/fd/%d", fd);
  return true;
}

void close_target(const char *path) { close(atoi(path + strlen("/proc/self/fd/"))); }

static const char *failure(const char *what, const char *target) {
  static char text[400];
  snprintf(text, sizeof text, "cannot %s %.300s: %s", what, target, strerror(errno));
  return text;
}

const char *mount_share(const char *tag, const char *target, const char *file, bool read_only) {
  load_modules("virtiofs");
  char folder[64], source[400], path[64];
  snprintf(folder, sizeof folder, "/shares/%.40s", tag);
  mkdir("/shares", 0700);
  mkdir(folder, 0700);
  unsigned long flags = read_only ? MS_RDONLY : 0;
  if (mount(tag, folder, "virtiofs", flags, NULL) != 0) return failure("mount the share for", target);
  if (!open_target(target, file[0] == 0, path, sizeof path)) return failure("make the mount point", target);
  snprintf(source, sizeof source, "%s%s%.300s", folder, file[0] ? "/" : "", file);
  int result = mount(source, path, NULL, MS_BIND, NULL);
  const char *error = result == 0 ? NULL : failure("mount", target);
  close_target(path);
  return error;
}

const char *mount_tmpfs(const char *target, const char *options) {
  char path[64];
  unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  char kept[512] = "";
  char *copy = strdup(options), *rest = copy;
  for (char *word; (word = strsep(&rest, ",")) != NULL;) {
    if (strcmp(word, "exec") == 0) flags &= ~(unsigned long)MS_NOEXEC;
    else if (strcmp(word, "suid") == 0) flags &= ~(unsigned long)MS_NOSUID;
    else if (strcmp(word, "dev") == 0) flags &= ~(unsigned long)MS_NODEV;
    else if (strcmp(word, "ro") == 0) flags |= MS_RDONLY;
    else if (strchr(word, '=') != NULL && strlen(kept) + strlen(word) + 2 < sizeof kept) {
      if (kept[0]) strcat(kept, ",");
      strcat(kept, word);
    }
  }
  free(copy);
  if (!open_target(target, true, path, sizeof path)) return failure("make the mount point", target);
  const char *error = mount("tmpfs", path, "tmpfs", flags, kept) == 0 ? NULL : failure("mount tmpfs on", target);
  close_target(path);
  return error;
}

static void mount_at(const char *type, const char *target, unsigned long flags, const char *options) {
  char path[64];
  if (!open_target(target, true, path, sizeof path)) fatal("cannot make %s: %s", target, strerror(errno));
  if (mount(type, path, type, flags, options) != 0) note("cannot mount %s on %s: %s", type, target, strerror(errno));
  close_target(path);
}

static void make_node(const char *name, mode_t mode, unsigned major_number, unsigned minor_number) {
  char path[128];
  snprintf(path, sizeof path, NEW_ROOT "/dev/%s", name);
  mknod(path, S_IFCHR | mode, makedev(major_number, minor_number));
  chmod(path, mode);
}

/* A container's /dev, or the kernel's own for a privileged workload. */
void mount_devices(bool privileged) {
  mount_at(privileged ? "devtmpfs" : "tmpfs", "/dev", MS_NOSUID, privileged ? "mode=755" : "mode=755,size=64k");
  make_node("null", 0666, 1, 3);
  make_node("zero", 0666, 1, 5);
  make_node("full", 0666, 1, 7);
  make_node("random", 0666, 1, 8);
  make_node("urandom", 0666, 1, 9);
  make_node("tty", 0666, 5, 0);
  (void)!symlink("/proc/self/fd", NEW_ROOT "/dev/fd");
  (void)!symlink("/proc/self/fd/0", NEW_ROOT "/dev/stdin");
  (void)!symlink("/proc/self/fd/1", NEW_ROOT "/dev/stdout");
  (void)!symlink("/proc/self/fd/2", NEW_ROOT "/dev/stderr");
  (void)!symlink("pts/ptmx", NEW_ROOT "/dev/ptmx");
  mount_at("devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5");
  mount_at("tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777,size=64m");
  mount_at("mqueue", "/dev/mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

void mount_system(void) {
  char path[64];
  if (open_target("/proc", true, path, sizeof path)) close_target(path);
  mount_at("sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

/* In the workload's own namespaces: what shows the namespace that it is mounted in. NULL, or the path that could not be confined. */
const char *mount_private(bool privileged) {
  mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  mount("cgroup2", "/sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  return privileged ? NULL : confine_paths();
}

/* They lie below the workload's root, where no path leads; who may unmount that finds nothing there either. */
void leave_agents_mounts(void) {
  static const char *const own[] = {"/dev", "/sys", "/image", "/scratch", CGROUP, "/proc"};
  for (size_t i = 0; i < sizeof own / sizeof *own; i++) umount2(own[i], MNT_DETACH);
}
