/* Inside a new process, up to the program: namespaces, terminal, user, capabilities. Nothing here returns. */
#include "hull.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static int report = -1;

static void __attribute__((noreturn, format(printf, 3, 4))) give_up(int error, int status, const char *format, ...) {
  struct spawn_failure failure = {.error = error, .exit_status = status};
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(failure.text, sizeof failure.text, format, arguments);
  va_end(arguments);
  write_all(report, &failure, sizeof failure);
  _exit(status);
}

static void enter_root(bool first) {
  if (!write_text(WORKLOAD_CGROUP "/cgroup.procs", "0")) give_up(errno, 126, "cannot enter the workload's limits: %s", strerror(errno));
  if (!first) {
    if (setns(guest.cgroup_namespace, CLONE_NEWCGROUP) != 0 || setns(guest.mount_namespace, CLONE_NEWNS) != 0)
      give_up(errno, 126, "cannot join the workload: %s", strerror(errno));
    return;
  }
  unshare(CLONE_NEWCGROUP);
  mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
  leave_agents_mounts();
  if (chdir(NEW_ROOT) != 0 || mount(".", "/", NULL, MS_MOVE, NULL) != 0 || chroot(".") != 0 || chdir("/") != 0)
    give_up(errno, 126, "cannot enter the root filesystem: %s", strerror(errno));
  const char *bare = mount_private(guest.privileged);
  if (bare != NULL) give_up(errno, 126, "cannot confine %s: %s", bare, strerror(errno));
}

static void take_terminal(const char *terminal, bool first) {
  int fd = open(terminal, O_RDWR);
  if (fd < 0) give_up(errno, 126, "cannot open the terminal: %s", strerror(errno));
  ioctl(fd, TIOCSCTTY, 0);
  for (int i = 0; i < 3; i++) dup2(fd, i);
  if (fd > 2) close(fd);
  if (!first) return;
  /* A container with a terminal has /dev/console as well. */
  int console = open("/dev/console", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (console >= 0) close(console);
  mount(terminal, "/dev/console", NULL, MS_BIND, NULL);
}

/* The workload's working folder is made where it is missing; a command that runs beside it must find its own. */
static void enter_folder(const char *folder, bool first) {
  if (chdir(folder) == 0) return;
  if (!first) give_up(errno, 126, "cannot enter the working folder \"%s\": %s", folder, strerror(errno));
  char partial[4096];
  snprintf(partial, sizeof partial, "%s", folder);
  for (char *at = partial + 1; *at != 0; at++) {
    if (*at != '/') continue;
    *at = 0;
    mkdir(partial, 0755);
    *at = '/';
  }
  mkdir(partial, 0755);
  if (chdir(folder) != 0) give_up(errno, 126, "cannot enter the working folder \"%s\": %s", folder, strerror(errno));
}

static void limit_bounding_set(uint64_t capabilities) {
  for (unsigned capability = 0; capability < 64; capability++)
    if ((capabilities >> capability & 1) == 0 && prctl(PR_CAPBSET_DROP, capability) != 0 && errno == EINVAL) break;
}

static void set_capabilities(uint64_t capabilities) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2] = {0};
  for (int i = 0; i < 2; i++) {
    uint32_t word = (uint32_t)(capabilities >> (32 * i));
    data[i].effective = data[i].permitted = word;
  }
  syscall(SYS_capset, &header, data);
}

/* A user other than root loses every capability on the way, as in a container. */
static void become(const struct user *user, uint64_t capabilities) {
  limit_bounding_set(capabilities);
  if (setgroups(user->group_count, user->groups) != 0 || setgid(user->gid) != 0 || setuid(user->uid) != 0)
    give_up(errno, 126, "cannot change to user %u: %s", user->uid, strerror(errno));
  if (user->uid == 0) set_capabilities(capabilities);
}

/* While it may still raise them. */
static void set_limits(const struct process_spec *spec) {
  for (char **text = spec->limits; text != NULL && *text != NULL; text++) {
    int resource;
    unsigned long long soft, hard;
    if (sscanf(*text, "%d %llu %llu", &resource, &soft, &hard) != 3) give_up(EINVAL, 126, "a limit is malformed");
    struct rlimit limit = {.rlim_cur = soft, .rlim_max = hard};
    if (setrlimit(resource, &limit) != 0) give_up(errno, 126, "cannot set limit %d: %s", resource, strerror(errno));
  }
  if (spec->oom_score != NULL) write_text("/proc/self/oom_score_adj", spec->oom_score);
}

static void set_environment(const struct process_spec *spec, const struct user *user) {
  static char *empty[] = {NULL};
  environ = spec->environment == NULL ? empty : spec->environment;
  if (getenv("HOME") == NULL) setenv("HOME", user->home, 1);
}

static int forward_to;
static void forward(int number) { kill(forward_to, number); }

/* `--init`: process 1 reaps whatever is left to it and hands every signal on; the workload is its child. */
static void become_init(void) {
  pid_t child = fork();
  if (child == 0) return;
  close(report);
  forward_to = child;
  for (int number = 1; number < NSIG; number++) {
    if (number == SIGCHLD || number == SIGKILL || number == SIGSTOP) continue;
    signal(number, forward);
  }
  for (;;) {
    int status;
    pid_t pid = wait(&status);
    if (pid == child) _exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
  }
}

static void reset_signals(void) {
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

void child_run(const struct process_spec *spec, bool first, const char *terminal, int failure_fd) {
  struct user user;
  char error[200];
  report = failure_fd;
  reset_signals();
  enter_root(first);
  if (first && spec->init) become_init();
  setsid();
  if (terminal != NULL) take_terminal(terminal, first);
  if (!find_user(spec->user, &user, error, sizeof error)) give_up(EINVAL, 126, "%s", error);
  if (terminal != NULL && fchown(0, user.uid, (gid_t)-1) != 0) note("cannot hand over the terminal");
  for (char **group = spec->groups; group != NULL && *group != NULL; group++)
    if (!find_further_group(*group, &user, error, sizeof error)) give_up(EINVAL, 126, "%s", error);
  set_environment(spec, &user);
  set_limits(spec);
  enter_folder(spec->folder[0] ? spec->folder : "/", first);
  become(&user, spec->capabilities);
  if (spec->no_new_privileges) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  execvp(spec->arguments[0], spec->arguments);
  int reason = errno;
  const char *name = spec->arguments[0];
  bool missing = reason == ENOENT || reason == ENOTDIR;
  if (missing && strchr(name, '/') == NULL) give_up(reason, 127, "exec: \"%.120s\": executable file not found in $PATH", name);
  give_up(reason, missing ? 127 : 126, "exec: \"%.120s\": %s", name, missing ? "no such file or directory" : strerror(reason));
}
