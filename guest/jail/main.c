/*
 * hull-jail OPTION… -- PROGRAM ARGUMENT…
 * hull-jail --ticks           prints the rate of the time-stamp counter, in Hz, and ends: QEMU emulates the guest's by this one
 *
 * Starts PROGRAM in namespaces of its own (mount, PID, IPC, UTS, cgroup, and network unless --net names one), with a root that holds what is
 * named here and nothing else, as a user of its own without any capability, with no_new_privs and a filter of system calls. What it needs of
 * the host beyond files to look at is opened here and inherited. Prints the program's process id once it is executed, and ends; the program
 * goes on, in a session of its own. A step that fails ends with status 1 and its name on standard error: the program never runs with less.
 *
 *   --net PATH                  the network namespace to run in
 *   --log PATH                  standard output and error are added to it
 *   --keep N,N…                 stay root, with these capabilities (by number)
 *   --kvm, --proc               /dev/kvm; a /proc of its own namespace, read-only
 *   --deadline SECONDS          stay, and kill it then
 *   --file PATH AT              seen at AT, read-only
 *   --share PATH AT             seen at AT with what is mounted below, writable; --share-read-only
 *   --read, --write, --append PATH; --listen, --connect PATH (unix sockets); --tap NAME (in --net)
 *                               become descriptors 3, 4, … in this order
 */
#define _GNU_SOURCE
#include "jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

/* Where messages go: standard error, in the child the pipe to its parent. */
static int complaints = 2;

void fail(const char *what, const char *subject) {
  dprintf(complaints, "hull-jail: %s %s: %s\n", what, subject, strerror(errno));
  _exit(1);
}

static uint64_t capabilities(const char *list) {
  uint64_t set = 0;
  while (*list != 0) {
    char *end;
    set |= UINT64_C(1) << (strtoul(list, &end, 10) & 63);
    if (end == list) fail("capabilities", list);
    list = *end == ',' ? end + 1 : end;
  }
  return set;
}

static void enter_network(struct jail *jail, const char *path) {
  jail->network = path;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || setns(fd, CLONE_NEWNET) != 0) fail("network namespace", path);
  close(fd);
}

static void add_place(struct jail *jail, const char *source, const char *at, int kind) {
  if (jail->place_count == MOST_PLACES || at[0] != '/') fail("place", at);
  jail->places[jail->place_count++] = (struct place){.source = source, .at = at + 1, .kind = kind};
}

/* Takes one option with its words; returns how many there were. */
static int take(struct jail *jail, char *const *word, int left) {
  const char *option = word[0], *one = left > 1 ? word[1] : NULL, *two = left > 2 ? word[2] : NULL;
  if (strcmp(option, "--kvm") == 0) return jail->kvm = true, 1;
  if (strcmp(option, "--proc") == 0) return jail->proc = true, 1;
  errno = EINVAL;
  if (one == NULL) fail("option", option);
  if (strcmp(option, "--net") == 0) return enter_network(jail, one), 2;
  if (strcmp(option, "--log") == 0) return jail->log = one, 2;
  if (strcmp(option, "--keep") == 0) return jail->root = true, jail->keep = capabilities(one), 2;
  if (strcmp(option, "--deadline") == 0) return jail->deadline = (unsigned)atoi(one), 2;
  if (strcmp(option, "--read") == 0) return add_file(jail, one, ACCESS_READ), 2;
  if (strcmp(option, "--write") == 0) return add_file(jail, one, ACCESS_WRITE), 2;
  if (strcmp(option, "--append") == 0) return add_file(jail, one, ACCESS_APPEND), 2;
  if (strcmp(option, "--listen") == 0) return add_listener(jail, one), 2;
  if (strcmp(option, "--connect") == 0) return add_connection(jail, one), 2;
  if (strcmp(option, "--tap") == 0) return add_tap(jail, one), 2;
  if (two == NULL) fail("option", option);
  if (strcmp(option, "--file") == 0) return add_place(jail, one, two, PLACE_FILE), 3;
  if (strcmp(option, "--share") == 0) return add_place(jail, one, two, PLACE_SHARE), 3;
  if (strcmp(option, "--share-read-only") == 0) return add_place(jail, one, two, PLACE_SHARE_READ_ONLY), 3;
  fail("option", option);
}

/* 0 is what is left of the caller's standard input, 1 and 2 the log, 3… the descriptors; nothing else stays open but the pipe, until exec. */
static void arrange_descriptors(const struct jail *jail) {
  int log = jail->log == NULL ? open("/dev/null", O_WRONLY) : open_output(jail->log);
  int in = open("/dev/null", O_RDONLY);
  if (log < 0 || in < 0) fail("log", jail->log == NULL ? "/dev/null" : jail->log);
  if (dup2(in, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0) fail("dup2", "log");
  int next = 3;
  for (int i = 0; i < jail->descriptor_count; i++, next++)
    if (dup2(jail->descriptors[i], next) < 0) fail("dup2", "descriptor");
  if (dup3(complaints, next, O_CLOEXEC) < 0) fail("dup3", "pipe");
  complaints = next;
  if (syscall(SYS_close_range, next + 1, ~0U, 0) != 0) fail("close_range", "descriptors");
}

/* The new process. Its user is told by the parent, which alone knows its process id outside. */
__attribute__((noreturn)) static void child(const struct jail *jail, int go, int status) {
  // Out of the way of the numbers that the descriptors get.
  complaints = fcntl(status, F_DUPFD_CLOEXEC, 2 * MOST_DESCRIPTORS);
  pid_t pid;
  if (read(go, &pid, sizeof pid) != sizeof pid) fail("start", "without its parent");
  if (setsid() < 0) fail("setsid", "");
  arrange_descriptors(jail);
  uid_t user = jail->root ? 0 : FIRST_USER + (uid_t)pid;
  make_world(jail, user);
  drop_privileges(jail, user);
  char *const environment[] = {"PATH=/usr/sbin:/usr/bin", "LANG=C.UTF-8", NULL};
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  umask(077);
  install_filter();
  execve(jail->command[0], jail->command, environment);
  fail("execute", jail->command[0]);
}

/* Kills the program when its time is over. Its end is awaited in any case. */
static void supervise(pid_t pid, unsigned deadline) {
  sigset_t ended;
  sigemptyset(&ended);
  sigaddset(&ended, SIGCHLD);
  struct timespec rest = {.tv_sec = deadline};
  sigtimedwait(&ended, NULL, &rest);
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
}

int main(int count, char **words) {
  static struct jail jail;
  prctl(PR_SET_NAME, "hull-jail");
  if (count == 2 && strcmp(words[1], "--ticks") == 0) return printf("%llu\n", (unsigned long long)ticks_per_second()) < 0;
  int at = 1;
  while (at < count && strcmp(words[at], "--") != 0) at += take(&jail, &words[at], count - at);
  if (at + 1 >= count) {
    fprintf(stderr, "usage: hull-jail OPTION… -- PROGRAM ARGUMENT…\n");
    return 2;
  }
  jail.command = &words[at + 1];
  int go[2], status[2];
  if (pipe2(go, O_CLOEXEC) != 0 || pipe2(status, O_CLOEXEC) != 0) fail("pipe", "");
  // Before the child is there, so that its end is not missed.
  sigset_t ended;
  sigemptyset(&ended);
  sigaddset(&ended, SIGCHLD);
  sigprocmask(SIG_BLOCK, &ended, NULL);
  unsigned long flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP | SIGCHLD;
  if (jail.network == NULL) flags |= CLONE_NEWNET;
  // Whoever started this may be gone before it is told of the program; a deadline holds all the same. And the program does not end because
  // nobody reads yet, or any more, what it says.
  signal(SIGPIPE, SIG_IGN);
  pid_t pid = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
  if (pid < 0) fail("make", "namespaces");
  if (pid == 0) {
    close(go[1]);
    child(&jail, go[0], status[1]);
  }
  close(status[1]);
  if (write(go[1], &pid, sizeof pid) != sizeof pid) fail("start", "the program");
  char complaint[1024];
  ssize_t length, said = 0;
  while ((length = read(status[0], complaint, sizeof complaint)) > 0) said += write(2, complaint, (size_t)length);
  if (said > 0) {
    waitpid(pid, NULL, 0);
    return 1;
  }
  printf("%d\n", (int)pid);
  fflush(stdout);
  if (jail.deadline > 0) supervise(pid, jail.deadline);
  return 0;
}
