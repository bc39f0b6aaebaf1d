/* Gives up what the program must not have. */
#define _GNU_SOURCE
#include "jail.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LAST_CAPABILITY 63
/* Threads and processes of one user: QEMU's workers are 64 for each disk at most. */
#define MOST_THREADS 2048

static void limit(int resource, rlim_t most, const char *name) {
  struct rlimit limit = {.rlim_cur = most, .rlim_max = most};
  if (setrlimit(resource, &limit) != 0) fail("limit", name);
}

static void set_capabilities(uint64_t keep) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct had[2], data[2] = {{0}};
  if (syscall(SYS_capget, &header, had) != 0) fail("read", "capabilities");
  for (int i = 0; i < 2; i++) {
    // What the caller does not have itself cannot be kept.
    data[i].permitted = (uint32_t)(keep >> (32 * i)) & had[i].permitted;
    data[i].effective = data[i].permitted;
  }
  if (syscall(SYS_capset, &header, data) != 0) fail("drop", "capabilities");
}

void drop_privileges(const struct jail *jail, uid_t user) {
  uint64_t keep = jail->root ? jail->keep : 0;
  // Guest memory must not end up in a file of the host's.
  limit(RLIMIT_CORE, 0, "core dumps");
  if (!jail->root) limit(RLIMIT_NPROC, MOST_THREADS, "threads");
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  for (int number = 0; number <= LAST_CAPABILITY; number++) {
    if ((keep >> number & 1) != 0 || prctl(PR_CAPBSET_READ, number, 0, 0, 0) < 0) continue;
    if (prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0) fail("drop", "capabilities");
  }
  if (setgroups(0, NULL) != 0 || setresgid(user, user, user) != 0 || setresuid(user, user, user) != 0)
    fail("become", "a user of its own");
  set_capabilities(keep);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail("set", "no_new_privs");
}
