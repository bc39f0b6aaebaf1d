/* The program's root: a small read-only tmpfs with mounts of what it may see, and nothing of the host's beside. */
#define _GNU_SOURCE
#include "jail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Numbers and values of calls that older headers lack; the numbers are the same on every architecture (open_tree(2), mount_setattr(2)). */
#define CALL_OPEN_TREE 428
#define CALL_MOVE_MOUNT 429
#define CALL_MOUNT_SETATTR 442
#define TREE_CLONE 1
#define FROM_DESCRIPTOR 4
#define WHOLE_TREE 0x8000
#define ATTRIBUTE_READ_ONLY 1
#define ATTRIBUTE_NO_SETUID 2
#define ATTRIBUTE_NO_DEVICES 4
#define ATTRIBUTE_NO_PROGRAMS 8

struct attributes {
  uint64_t set, clear, propagation, user_namespace;
};

static void set_attributes(int tree, uint64_t set, const char *subject) {
  struct attributes attributes = {.set = set, .propagation = MS_PRIVATE};
  if (syscall(CALL_MOUNT_SETATTR, tree, "", AT_EMPTY_PATH | WHOLE_TREE, &attributes, sizeof attributes) != 0)
    fail("protect", subject);
}

/* Makes the folders on the way to `at`, then `at` itself, to be mounted on. */
static void make_point(const char *at, bool folder) {
  char path[4096];
  errno = ENAMETOOLONG;
  if (strlen(at) >= sizeof path) fail("make", at);
  for (const char *slash = strchr(at, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    snprintf(path, sizeof path, "%.*s", (int)(slash - at), at);
    if (mkdir(path, 0755) != 0 && errno != EEXIST) fail("make", path);
  }
  if (folder ? mkdir(at, 0755) != 0 && errno != EEXIST : mknod(at, S_IFREG | 0444, 0) != 0) fail("make", at);
}

static void show(const struct place *place) {
  struct stat facts;
  int whole = place->kind == PLACE_FILE ? 0 : WHOLE_TREE;
  int tree = (int)syscall(CALL_OPEN_TREE, AT_FDCWD, place->source, TREE_CLONE | O_CLOEXEC | whole);
  if (tree < 0 || fstat(tree, &facts) != 0) fail("show", place->source);
  uint64_t attributes = ATTRIBUTE_NO_SETUID | ATTRIBUTE_NO_DEVICES;
  if (place->kind != PLACE_SHARE) attributes |= ATTRIBUTE_READ_ONLY;
  if (place->kind != PLACE_FILE) attributes |= ATTRIBUTE_NO_PROGRAMS;
  set_attributes(tree, attributes, place->source);
  make_point(place->at, S_ISDIR(facts.st_mode));
  if (syscall(CALL_MOVE_MOUNT, tree, "", AT_FDCWD, place->at, FROM_DESCRIPTOR) != 0) fail("mount", place->at);
  close(tree);
}

/* A node of its own: whoever owns the host's does not matter. */
static void make_kvm(uid_t user) {
  struct stat facts;
  if (stat("/dev/kvm", &facts) != 0 || !S_ISCHR(facts.st_mode)) fail("find", "/dev/kvm");
  if (mkdir("dev", 0755) != 0 || mknod("dev/kvm", S_IFCHR | 0600, facts.st_rdev) != 0 || chown("dev/kvm", user, user) != 0)
    fail("make", "/dev/kvm");
}

void make_world(const struct jail *jail, uid_t user) {
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) fail("part with", "the host's mounts");
  // Any folder does as the place where the new root is built: the old one goes out of sight.
  if (mount("jail", "/proc", "tmpfs", MS_NOSUID | MS_NOEXEC, "size=1m,nr_inodes=8k,mode=0755") != 0) fail("mount", "the root");
  if (chdir("/proc") != 0) fail("enter", "the root");
  for (int i = 0; i < jail->place_count; i++) show(&jail->places[i]);
  if (jail->kvm) make_kvm(user);
  if (jail->proc && (mkdir("proc", 0555) != 0 ||
                     mount("proc", "proc", "proc", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0))
    fail("mount", "/proc");
  if (syscall(SYS_pivot_root, ".", ".") != 0 || umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
    fail("leave", "the host's root");
  unsigned long devices = jail->kvm ? 0 : MS_NODEV;
  if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC | devices, NULL) != 0)
    fail("protect", "the root");
}
