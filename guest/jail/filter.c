/*
 * System calls that neither QEMU nor virtiofsd makes, and that have opened kernels before: refused before the program's own filter is set
 * (QEMU's -sandbox, virtiofsd's list), which is stricter. Whatever the kernel has learnt since this was written does not exist.
 */
#define _GNU_SOURCE
#include "jail.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "name the architecture"
#endif

/* removexattrat(2), Linux 6.13. */
#define LAST_KNOWN 466
/* x86-64's 32-bit calls have this bit. */
#define X32 0x40000000
#define CALL_CLONE3 435
#define NAMESPACES                                                                                                             \
  (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME)
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

static const int REFUSED[] = {
    SYS_mount, SYS_umount2, SYS_pivot_root, SYS_setns, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_bpf,
    SYS_perf_event_open, SYS_userfaultfd, SYS_keyctl, SYS_add_key, SYS_request_key, SYS_init_module, SYS_finit_module,
    SYS_delete_module, SYS_kexec_load, SYS_reboot, SYS_swapon, SYS_swapoff, SYS_acct, SYS_quotactl, SYS_syslog, SYS_settimeofday,
    SYS_clock_settime, SYS_clock_adjtime, SYS_adjtimex, SYS_sethostname, SYS_setdomainname, SYS_vhangup, SYS_kcmp,
    SYS_lookup_dcookie, SYS_fanotify_init, SYS_migrate_pages, SYS_move_pages, SYS_personality,
#ifdef __x86_64__
    SYS_iopl, SYS_ioperm, SYS_modify_ldt, SYS_uselib, SYS_ustat, SYS_sysfs, SYS__sysctl, SYS_create_module, SYS_kexec_file_load,
    SYS_query_module, SYS_get_kernel_syms, SYS_nfsservctl,
#endif
    // io_uring; open_tree to fspick; pidfd_getfd; mount_setattr; quotactl_fd; landlock is fine; lsm_*; open_tree_attr and later are unknown.
    425, 426, 427, 428, 429, 430, 431, 432, 433, 438, 442, 443, 457, 458,
};

#define LOAD(field) (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(action) (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, action)
#define REFUSE(error) RETURN(SECCOMP_RET_ERRNO | (error))
#define IF(comparison, value, then, otherwise) (struct sock_filter) BPF_JUMP(BPF_JMP | (comparison) | BPF_K, value, then, otherwise)

void install_filter(void) {
  struct sock_filter filter[256];
  unsigned short count = 0;
#define ADD(...) (filter[count++] = (__VA_ARGS__))
  ADD(LOAD(arch));
  ADD(IF(BPF_JEQ, ARCHITECTURE, 1, 0));
  ADD(RETURN(SECCOMP_RET_KILL_PROCESS));
  ADD(LOAD(nr));
  ADD(IF(BPF_JGE, X32, 0, 1));
  ADD(RETURN(SECCOMP_RET_KILL_PROCESS));
  // The flags of clone3 lie in memory, where a filter cannot see them: the C library falls back to clone.
  ADD(IF(BPF_JEQ, CALL_CLONE3, 0, 1));
  ADD(REFUSE(ENOSYS));
  for (unsigned i = 0; i < sizeof REFUSED / sizeof *REFUSED; i++) {
    ADD(IF(BPF_JEQ, (unsigned)REFUSED[i], 0, 1));
    ADD(REFUSE(EPERM));
  }
  ADD(IF(BPF_JGT, LAST_KNOWN, 0, 1));
  ADD(REFUSE(ENOSYS));
  // Threads, and a working folder for each, are fine; namespaces are not.
  ADD(IF(BPF_JEQ, SYS_clone, 1, 0));
  ADD(IF(BPF_JEQ, SYS_unshare, 0, 4));
  ADD(LOAD(args[0]));
  ADD(IF(BPF_JSET, NAMESPACES, 0, 1));
  ADD(REFUSE(EPERM));
  ADD(RETURN(SECCOMP_RET_ALLOW));
  ADD(IF(BPF_JEQ, SYS_socket, 1, 0));
  ADD(IF(BPF_JEQ, SYS_socketpair, 0, 3));
  ADD(LOAD(args[0]));
  ADD(IF(BPF_JEQ, AF_UNIX, 1, 0));
  ADD(REFUSE(EAFNOSUPPORT));
  ADD(RETURN(SECCOMP_RET_ALLOW));
#undef ADD
  struct sock_fprog program = {.len = count, .filter = filter};
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0) fail("install", "the filter of system calls");
}
