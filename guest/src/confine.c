/*
 * What keeps root of the workload from becoming root of the guest's kernel: as in a container, it gets devices by a policy and sees the kernel's own
 * files masked or read-only; and the kernel gives up what nobody inside needs. Not for a privileged workload: it has all that its guest has.
 */
#include "hull.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOAD(register, from, at) {.code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = register, .src_reg = from, .off = at}
#define JUMP(how, register, value, over) {.code = BPF_JMP | how | BPF_K, .dst_reg = register, .off = over, .imm = value}
#define ANSWER(value) {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = value}
#define EXIT {.code = BPF_JMP | BPF_EXIT}

/*
 * Docker's policy: nodes may be made, and of those these may be used: null, zero, full, random, urandom (1:3, 5, 7 to 9), tty and ptmx (5:0, 2)
 * and pseudo-terminals (136). 5:1 is the guest's serial console here, and not for the workload.
 */
static const struct bpf_insn device_policy[] = {
    LOAD(BPF_REG_2, BPF_REG_1, 0),                                                           /* access << 16 | type */
    LOAD(BPF_REG_3, BPF_REG_1, 4),                                                           /* major */
    LOAD(BPF_REG_4, BPF_REG_1, 8),                                                           /* minor */
    JUMP(BPF_JEQ, BPF_REG_2, BPF_DEVCG_ACC_MKNOD << 16 | BPF_DEVCG_DEV_CHAR, 14),            /* 3: allow */
    JUMP(BPF_JEQ, BPF_REG_2, BPF_DEVCG_ACC_MKNOD << 16 | BPF_DEVCG_DEV_BLOCK, 13),           /* 4: allow */
    {.code = BPF_ALU64 | BPF_AND | BPF_K, .dst_reg = BPF_REG_2, .imm = 0xffff},              /* 5: type */
    JUMP(BPF_JNE, BPF_REG_2, BPF_DEVCG_DEV_CHAR, 9),                                         /* 6: deny */
    JUMP(BPF_JEQ, BPF_REG_3, 136, 10),                                                       /* 7: allow */
    JUMP(BPF_JEQ, BPF_REG_3, 5, 5),                                                          /* 8: terminals, 14 */
    JUMP(BPF_JNE, BPF_REG_3, 1, 6),                                                          /* 9: deny */
    JUMP(BPF_JEQ, BPF_REG_4, 3, 7),                                                          /* 10: allow */
    JUMP(BPF_JEQ, BPF_REG_4, 5, 6),                                                          /* 11: allow */
    JUMP(BPF_JLT, BPF_REG_4, 7, 3),                                                          /* 12: deny */
    JUMP(BPF_JLE, BPF_REG_4, 9, 4),                                                          /* 13: allow, or (16) deny by the next two */
    JUMP(BPF_JEQ, BPF_REG_4, 0, 3),                                                          /* 14: allow */
    JUMP(BPF_JEQ, BPF_REG_4, 2, 2),                                                          /* 15: allow */
    ANSWER(0),                                                                               /* 16: deny */
    EXIT,
    ANSWER(1),                                                                               /* 18: allow */
    EXIT,
};

const char *confine_devices(void) {
  static char problem[200];
  union bpf_attr load = {.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE};
  load.insns = (uint64_t)(uintptr_t)device_policy;
  load.insn_cnt = sizeof device_policy / sizeof *device_policy;
  load.license = (uint64_t)(uintptr_t) "GPL";
  int program = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load);
  int group = open(WORKLOAD_CGROUP, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  union bpf_attr attach = {.target_fd = (uint32_t)group, .attach_bpf_fd = (uint32_t)program, .attach_type = BPF_CGROUP_DEVICE};
  bool done = program >= 0 && group >= 0 && syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof attach) == 0;
  if (!done) snprintf(problem, sizeof problem, "cannot set the policy of devices: %s", strerror(errno));
  if (program >= 0) close(program);
  if (group >= 0) close(group);
  return done ? NULL : problem;
}

/* Settings that some kernels lack are none of their faults: what they guard is not there either. */
void confine_kernel(uint64_t capabilities) {
  static const char *const settings[][2] = {
      {"kernel/unprivileged_bpf_disabled", "1"}, {"kernel/kexec_load_disabled", "1"},  {"kernel/dmesg_restrict", "1"},
      {"kernel/kptr_restrict", "1"},             {"kernel/perf_event_paranoid", "3"},  {"vm/unprivileged_userfaultfd", "0"},
      {"kernel/usermodehelper/bset", "0 0"},     {"kernel/usermodehelper/inheritable", "0 0"},
  };
  char path[128];
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
    snprintf(path, sizeof path, "/proc/sys/%s", settings[i][0]);
    write_text(path, settings[i][1]);
  }
  if ((capabilities >> CAP_SYS_MODULE & 1) == 0) write_text("/proc/sys/kernel/modules_disabled", "1");
  /* Without seccomp this is what keeps root from every capability in a user namespace of its own. */
  if ((capabilities >> CAP_SYS_ADMIN & 1) == 0) write_text("/proc/sys/user/max_user_namespaces", "0");
}

#define PATHS_MAX 64
static char *masked[PATHS_MAX], *read_only[PATHS_MAX];
static size_t masked_count, read_only_count;

const char *confine_path(const char *path, bool mask) {
  size_t *count = mask ? &masked_count : &read_only_count;
  char *copy = path[0] == '/' && *count < PATHS_MAX ? strdup(path) : NULL;
  if (copy == NULL) return "a path to be masked is malformed, or there are too many";
  (mask ? masked : read_only)[(*count)++] = copy;
  return NULL;
}

static bool mask_path(const char *path) {
  struct stat facts;
  if (stat(path, &facts) != 0) return errno == ENOENT || errno == ENOTDIR;
  if (S_ISDIR(facts.st_mode)) return mount("tmpfs", path, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=0,mode=755") == 0;
  return mount("/dev/null", path, NULL, MS_BIND, NULL) == 0;
}

static bool protect_path(const char *path) {
  if (mount(path, path, NULL, MS_BIND | MS_REC, NULL) != 0) return errno == ENOENT || errno == ENOTDIR;
  return mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0;
}

const char *confine_paths(void) {
  for (size_t i = 0; i < read_only_count; i++)
    if (!protect_path(read_only[i])) return read_only[i];
  for (size_t i = 0; i < masked_count; i++)
    if (!mask_path(masked[i])) return masked[i];
  static const char *const system[] = {"/sys", "/sys/fs/cgroup"};
  for (size_t i = 0; i < 2; i++)
    if (mount(NULL, system[i], NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0) return system[i];
  return NULL;
}
