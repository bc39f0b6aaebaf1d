/* What the program gets open: its files, sockets and network devices. */
#define _GNU_SOURCE
#include "jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Out of the way of the numbers that they get in the end. */
#define PARKED (MOST_DESCRIPTORS + 16)

static void add(struct jail *jail, int fd, const char *subject) {
  int parked = fcntl(fd, F_DUPFD_CLOEXEC, PARKED);
  if (parked < 0) fail("keep", subject);
  close(fd);
  errno = E2BIG;
  if (jail->descriptor_count == MOST_DESCRIPTORS) fail("keep", subject);
  jail->descriptors[jail->descriptor_count++] = parked;
}

int open_output(const char *path) {
  // The reader of a pipe need not be there yet: opening for both never waits, and the second one not while the first is open.
  int both = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (both >= 0) close(both);
  return fd;
}

void add_file(struct jail *jail, const char *path, enum access access) {
  int flags = access == ACCESS_READ ? O_RDONLY : O_RDWR;
  int fd = access == ACCESS_APPEND ? open_output(path) : open(path, flags | O_CLOEXEC);
  if (fd < 0) fail("open", path);
  add(jail, fd, path);
}

/* An address holds 107 bytes: a longer path goes by a descriptor of its folder (or of itself, to connect). */
static struct sockaddr_un address_of(int folder, const char *name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int length = snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d%s%s", folder, name == NULL ? "" : "/",
                        name == NULL ? "" : name);
  errno = ENAMETOOLONG;
  if (length >= (int)sizeof address.sun_path) fail("socket", name);
  return address;
}

void add_listener(struct jail *jail, const char *path) {
  char folder[4096];
  const char *slash = strrchr(path, '/');
  errno = EINVAL;
  if (slash == NULL || slash - path >= (int)sizeof folder) fail("listen at", path);
  snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
  int at = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (at < 0 || fd < 0) fail("listen at", path);
  struct sockaddr_un address = address_of(at, slash + 1);
  mode_t before = umask(0177);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 16) != 0) fail("listen at", path);
  umask(before);
  close(at);
  add(jail, fd, path);
}

void add_connection(struct jail *jail, const char *path) {
  int at = open(path, O_PATH | O_CLOEXEC);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (at < 0 || fd < 0) fail("connect to", path);
  struct sockaddr_un address = address_of(at, NULL);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) fail("connect to", path);
  close(at);
  add(jail, fd, path);
}

/* Attaches to a tap device that exists in the network namespace entered. */
void add_tap(struct jail *jail, const char *name) {
  struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
  errno = ENAMETOOLONG;
  if (strlen(name) >= sizeof request.ifr_name) fail("tap", name);
  strcpy(request.ifr_name, name);
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) fail("open", "/dev/net/tun");
  if (ioctl(fd, TUNSETIFF, &request) != 0) fail("tap", name);
  add(jail, fd, name);
}
