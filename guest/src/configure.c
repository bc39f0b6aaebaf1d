/* CONFIGURE: everything of the instance that the disks do not say. */
#include "hull.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <net/if.h>
#include <net/route.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char problem[512];

static const char *failed(const char *what) {
  snprintf(problem, sizeof problem, "cannot %s: %s", what, strerror(errno));
  return problem;
}

static struct ifreq named(const char *name) {
  struct ifreq request = {0};
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  return request;
}

static struct sockaddr ipv4(const char *text) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  inet_pton(AF_INET, text, &address.sin_addr);
  struct sockaddr plain;
  memcpy(&plain, &address, sizeof plain);
  return plain;
}

void configure_loopback(void) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct ifreq request = named("lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  ioctl(fd, SIOCSIFFLAGS, &request);
  close(fd);
  /* As in a container's namespace: low ports and ping are nobody's privilege in a network of one's own. */
  write_text("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
  write_text("/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
}

static const char *set_address(int fd, const char *name, const char *address, int prefix, int mtu) {
  struct ifreq request = named(name);
  request.ifr_mtu = mtu;
  if (mtu > 0 && ioctl(fd, SIOCSIFMTU, &request) != 0) return failed("set the MTU of a link");
  request = named(name);
  request.ifr_addr = ipv4(address);
  if (ioctl(fd, SIOCSIFADDR, &request) != 0) return failed("set the address of a link");
  struct sockaddr_in mask = {.sin_family = AF_INET};
  mask.sin_addr.s_addr = prefix <= 0 ? 0 : htonl(0xffffffffu << (32 - prefix));
  memcpy(&request.ifr_netmask, &mask, sizeof mask);
  if (ioctl(fd, SIOCSIFNETMASK, &request) != 0) return failed("set the netmask of a link");
  request = named(name);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (ioctl(fd, SIOCSIFFLAGS, &request) != 0) return failed("bring up a link");
  return NULL;
}

static const char *set_gateway(int fd, const char *gateway) {
  struct rtentry route = {0};
  route.rt_dst = ipv4("0.0.0.0");
  route.rt_genmask = ipv4("0.0.0.0");
  route.rt_gateway = ipv4(gateway);
  route.rt_flags = RTF_UP | RTF_GATEWAY;
  if (ioctl(fd, SIOCADDRT, &route) != 0 && errno != EEXIST) return failed("set the default route");
  return NULL;
}

/* linux/ipv6.h, whose other names clash with the C library's. */
struct address6 {
  struct in6_addr address;
  uint32_t prefix;
  int index;
};

/* The address is the engine's to give: nobody is asked whether it is free, and routers' advertisements are not heard. */
static void prepare6(const char *name) {
  static const char *const settings[][2] = {{"accept_dad", "0"}, {"accept_ra", "0"}, {"disable_ipv6", "0"}};
  for (size_t at = 0; at < sizeof settings / sizeof *settings; at++) {
    char path[96];
    snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/%s", name, settings[at][0]);
    write_text(path, settings[at][1]);
  }
}

static const char *set_ipv6(const char *name, const char *address, int prefix, const char *gateway) {
  int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return failed("use IPv6");
  struct address6 request = {.prefix = (uint32_t)prefix, .index = (int)if_nametoindex(name)};
  inet_pton(AF_INET6, address, &request.address);
  const char *error = NULL;
  if (ioctl(fd, SIOCSIFADDR, &request) != 0 && errno != EEXIST) error = failed("set the IPv6 address of a link");
  if (error == NULL && strcmp(gateway, "-") != 0) {
    struct in6_rtmsg route = {.rtmsg_metric = 1, .rtmsg_flags = RTF_UP | RTF_GATEWAY, .rtmsg_ifindex = request.index};
    inet_pton(AF_INET6, gateway, &route.rtmsg_gateway);
    if (ioctl(fd, SIOCADDRT, &route) != 0 && errno != EEXIST) error = failed("set the IPv6 default route");
  }
  close(fd);
  return error;
}

/* "ADDRESS PREFIX GATEWAY MTU NAME ADDRESS6 PREFIX6 GATEWAY6", "-" for none; the MAC address is the device's own. */
const char *configure_network(const char *text) {
  char address[64], gateway[64], name[IF_NAMESIZE], address6[64], gateway6[64];
  int prefix, mtu, prefix6;
  int count = sscanf(text, "%63s %d %63s %d %15s %63s %d %63s", address, &prefix, gateway, &mtu, name, address6, &prefix6, gateway6);
  if (count != 8 || prefix < 0 || prefix > 32 || prefix6 < 0 || prefix6 > 128) return "the network field is malformed";
  uint64_t deadline = now_milliseconds() + 5000;
  while (if_nametoindex(name) == 0) {
    if (now_milliseconds() > deadline) return "no network device appeared";
    usleep(2000);
  }
  bool dual = strcmp(address6, "-") != 0;
  if (dual) prepare6(name);
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const char *error = set_address(fd, name, address, prefix, mtu);
  if (error == NULL && strcmp(gateway, "-") != 0) error = set_gateway(fd, gateway);
  close(fd);
  if (error == NULL && dual) error = set_ipv6(name, address6, prefix6, gateway6);
  return error;
}

void set_clock(uint64_t nanoseconds) {
  struct timespec time = {.tv_sec = (time_t)(nanoseconds / 1000000000), .tv_nsec = (long)(nanoseconds % 1000000000)};
  clock_settime(CLOCK_REALTIME, &time);
}

static void add_entropy(const struct field_value *value) {
  struct { struct rand_pool_info info; uint8_t bytes[256]; } pool;
  if (value->size > sizeof pool.bytes) return;
  pool.info.entropy_count = (int)value->size * 8;
  pool.info.buf_size = (int)value->size;
  memcpy(pool.info.buf, value->data, value->size);
  int fd = open("/dev/urandom", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  ioctl(fd, RNDADDENTROPY, &pool);
  close(fd);
}

/* "PATH\0CONTENTS": bound over the image's file, as a container has it, so that a read-only root does not matter. */
static const char *bind_file(const struct field_value *value) {
  static int count;
  const uint8_t *end = memchr(value->data, 0, value->size);
  if (end == NULL) return "a file field is malformed";
  char source[64], target[64];
  snprintf(source, sizeof source, "/files/%d", count++);
  mkdir("/files", 0755);
  int fd = open(source, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return failed("write a file");
  bool written = write_all(fd, end + 1, value->size - (size_t)(end + 1 - value->data));
  close(fd);
  if (!written || !open_target((const char *)value->data, false, target, sizeof target)) return failed("make the place of a file");
  const char *error = mount(source, target, NULL, MS_BIND, NULL) == 0 ? NULL : failed("bind a file");
  close_target(target);
  return error;
}

/* The next zero-terminated text of a field; NULL when there is none. */
static const char *take_text(struct field_value *value) {
  const uint8_t *end = memchr(value->data, 0, value->size);
  if (end == NULL) return NULL;
  const char *text = (const char *)value->data;
  value->size -= (uint32_t)(end + 1 - value->data);
  value->data = end + 1;
  return text;
}

static const char *apply_share(struct field_value value) {
  if (value.size < 1) return "a share field is malformed";
  bool read_only = value.data[0] != 0;
  value.data++;
  value.size--;
  const char *tag = take_text(&value), *target = take_text(&value), *file = take_text(&value);
  if (file == NULL || strchr(file, '/') != NULL) return "a share field is malformed";
  return mount_share(tag, target, file, read_only);
}

static const char *apply_tmpfs(struct field_value value) {
  const char *target = take_text(&value), *options = take_text(&value);
  return options == NULL ? "a tmpfs field is malformed" : mount_tmpfs(target, options);
}

/* "NAME\0VALUE\0": the engine has checked the name. */
static const char *apply_sysctl(struct field_value value) {
  const char *name = take_text(&value), *text = take_text(&value);
  char path[256] = "/proc/sys/";
  size_t at = strlen(path);
  if (text == NULL || strlen(name) + at >= sizeof path || strstr(name, "..") != NULL) return "a sysctl field is malformed";
  for (; *name != 0; name++) path[at++] = *name == '.' ? '/' : *name == '/' ? '.' : *name;
  path[at] = 0;
  return write_text(path, text) ? NULL : failed("set a kernel setting");
}

static const char *size_shared_memory(const struct field_value *value) {
  char options[64];
  snprintf(options, sizeof options, "mode=1777,size=%llu", (unsigned long long)field_number(value));
  if (mount("tmpfs", NEW_ROOT "/dev/shm", "tmpfs", MS_REMOUNT | MS_NOSUID | MS_NODEV | MS_NOEXEC, options) != 0)
    return failed("size /dev/shm");
  return NULL;
}

static const char *apply_text(const struct field_value *value) {
  char *text = field_text(value);
  if (text == NULL) return "a text field is malformed";
  const char *error = NULL;
  if (value->field == FIELD_HOSTNAME) sethostname(text, strlen(text));
  else if (value->field == FIELD_DOMAINNAME) setdomainname(text, strlen(text));
  else error = configure_network(text);
  free(text);
  return error;
}

static void limit(const char *file, const struct field_value *value) {
  char text[32];
  snprintf(text, sizeof text, "%llu", (unsigned long long)field_number(value));
  if (!write_text(file, text)) note("cannot set %s", file);
}

static const char *apply_path(const struct field_value *value) {
  char *text = field_text(value);
  const char *error = text == NULL ? "a path field is malformed" : confine_path(text, value->field == FIELD_MASKED_PATH);
  free(text);
  return error;
}

static const char *apply(const struct field_value *value) {
  switch (value->field) {
    case FIELD_HOSTNAME:
    case FIELD_DOMAINNAME:
    case FIELD_NETWORK: return apply_text(value);
    case FIELD_CLOCK: set_clock(field_number(value)); return NULL;
    case FIELD_FILE: return bind_file(value);
    case FIELD_SHARE: return apply_share(*value);
    case FIELD_TMPFS: return apply_tmpfs(*value);
    case FIELD_ENTROPY: add_entropy(value); return NULL;
    case FIELD_PIDS_LIMIT: limit(WORKLOAD_CGROUP "/pids.max", value); return NULL;
    case FIELD_MEMORY_LIMIT: limit(WORKLOAD_CGROUP "/memory.max", value); return NULL;
    case FIELD_SYSCTL: return apply_sysctl(*value);
    case FIELD_SHARED_MEMORY: return size_shared_memory(value);
    case FIELD_MASKED_PATH:
    case FIELD_READ_ONLY_PATH: return apply_path(value);
    default: return NULL; /* the disks, READ_ONLY_ROOT and PRIVILEGED are read beforehand; later versions add fields */
  }
}

static bool flag(struct fields fields, uint16_t wanted) {
  for (struct field_value value; fields_next(&fields, &value);)
    if (value.field == wanted) return field_number(&value) != 0;
  return false;
}

static const char *mount_disks(struct fields fields) {
  char *image = NULL, *scratch = NULL;
  for (struct field_value value; fields_next(&fields, &value);) {
    if (value.field == FIELD_IMAGE && image == NULL) image = field_text(&value);
    if (value.field == FIELD_SCRATCH && scratch == NULL) scratch = field_text(&value);
  }
  const char *error = image == NULL ? "no disk is named" : mount_root(image, scratch);
  free(image);
  free(scratch);
  return error;
}

const char *configure(struct fields fields) {
  guest.privileged = flag(fields, FIELD_PRIVILEGED);
  const char *disks = mount_disks(fields);
  if (disks != NULL) return disks;
  /* They are a run's own. */
  if (!guest.files_only) {
    mount_system();
    mount_devices(guest.privileged);
    const char *error = guest.privileged ? NULL : confine_devices();
    if (error != NULL) return error;
  }
  struct fields rest = fields;
  for (struct field_value value; fields_next(&rest, &value);) {
    const char *error = apply(&value);
    if (error != NULL) return error;
  }
  if (flag(fields, FIELD_READ_ONLY_ROOT) && mount(NULL, NEW_ROOT, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) != 0)
    return failed("make the root read-only");
  return NULL;
}
