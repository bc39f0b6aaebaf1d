/* From the kernel's hand-over to an agent that answers: nothing here depends on the instance. */
#include "hull.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DEVICE_DEADLINE_MS 10000

static void must_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data) {
  mkdir(target, 0755);
  if (mount(source, target, type, flags, data) != 0) fatal("cannot mount %s (%s) on %s: %s", source, type, target, strerror(errno));
}

static void load_module(const char *name) {
  char path[300];
  snprintf(path, sizeof path, "/modules/%s", name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) fatal("module %s is missing from the initramfs", name);
  if (syscall(SYS_finit_module, fd, "", 0) != 0 && errno != EEXIST) note("cannot load module %s: %s", name, strerror(errno));
  close(fd);
}

/* /modules/order has lines "GROUP FILE", dependencies before what needs them. */
void load_modules(const char *group) {
  static char order[16384];
  if (read_text("/modules/order", order, sizeof order) < 0) return;
  char *rest = order;
  for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
    char *name = strchr(line, ' ');
    if (name == NULL) continue;
    *name++ = 0;
    if (strcmp(line, group) == 0) load_module(name);
  }
}

bool kernel_option(const char *name, char *value, size_t size) {
  char line[4096];
  if (read_text("/proc/cmdline", line, sizeof line) < 0) return false;
  size_t length = strlen(name);
  char *rest = line;
  for (char *word; (word = strsep(&rest, " \n")) != NULL;) {
    if (strncmp(word, name, length) != 0 || word[length] != '=') continue;
    snprintf(value, size, "%s", word + length + 1);
    return true;
  }
  return false;
}

/* Looks through `folder` for an entry whose `attribute` file reads `wanted`; its name goes to `found`. */
static bool find_device(const char *folder, const char *attribute, const char *wanted, char *found, size_t size) {
  DIR *entries = opendir(folder);
  if (entries == NULL) return false;
  bool matched = false;
  for (struct dirent *entry; !matched && (entry = readdir(entries)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    char path[512], text[64];
    snprintf(path, sizeof path, "%s/%s/%s", folder, entry->d_name, attribute);
    if (read_text(path, text, sizeof text) < 0) continue;
    text[strcspn(text, "\n")] = 0;
    matched = strcmp(text, wanted) == 0;
    if (matched) snprintf(found, size, "/dev/%s", entry->d_name);
  }
  closedir(entries);
  return matched;
}

/* Devices appear a moment after their driver: asks until the deadline. */
static bool wait_device(const char *folder, const char *attribute, const char *wanted, char *found, size_t size) {
  uint64_t deadline = now_milliseconds() + DEVICE_DEADLINE_MS;
  while (!find_device(folder, attribute, wanted, found, size)) {
    if (now_milliseconds() > deadline) return false;
    usleep(2000);
  }
  return true;
}

int open_port(const char *name, int flags) {
  char device[300];
  if (!wait_device("/sys/class/virtio-ports", "name", name, device, sizeof device)) return -1;
  return open(device, flags | O_CLOEXEC);
}

static const char *mount_disk(const char *serial, const char *target, const char *type, unsigned long flags, const char *options) {
  static char problem[300];
  char device[300];
  bool found = wait_device("/sys/block", "serial", serial, device, sizeof device);
  if (!found) snprintf(problem, sizeof problem, "no disk has the serial %.64s", serial);
  else if (mount(device, target, type, flags, options) == 0) return NULL;
  else snprintf(problem, sizeof problem, "cannot mount %.64s (%s) on %s: %s", device, type, target, strerror(errno));
  return problem;
}

const char *mount_root(const char *image, const char *scratch) {
  static const char *const folders[] = {"/image", "/scratch", NEW_ROOT};
  for (size_t i = 0; i < 3; i++) mkdir(folders[i], 0755);
  const char *error = mount_disk(image, "/image", "erofs", MS_RDONLY, NULL);
  /* Nobody needs the unused inode tables zeroed: the disk is empty and sparse. */
  if (error == NULL && scratch != NULL) error = mount_disk(scratch, "/scratch", "ext4", MS_NOATIME, "noinit_itable");
  else if (error == NULL && mount("tmpfs", "/scratch", "tmpfs", 0, "mode=755") != 0) error = "cannot mount the writable part";
  if (error != NULL) return error;
  mkdir("/scratch/upper", 0755);
  mkdir("/scratch/work", 0755);
  const char *layers = "lowerdir=/image,upperdir=/scratch/upper,workdir=/scratch/work";
  return mount("overlay", NEW_ROOT, "overlay", 0, layers) == 0 ? NULL : "cannot join the disks to a root filesystem";
}

void boot(void) {
  must_mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  must_mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  must_mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=755");
  char probe[8];
  if (kernel_option("hull.probe", probe, sizeof probe)) fatal("probe done");
  guest.files_only = kernel_option("hull.files", probe, sizeof probe);
  load_modules("boot");
  must_mount("cgroup2", CGROUP, "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  write_text(CGROUP "/cgroup.subtree_control", "+cpu +memory +io +pids");
  mkdir(WORKLOAD_CGROUP, 0755);
  configure_loopback();
}
