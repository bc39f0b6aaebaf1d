/* START and EXEC: what to run, and starting it. */
#include "hull.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static bool append_text(char ***list, size_t *count, const struct field_value *value) {
  char *text = field_text(value);
  if (text == NULL) return false;
  char **longer = realloc(*list, (*count + 2) * sizeof **list);
  if (longer == NULL) {
    free(text);
    return false;
  }
  longer[(*count)++] = text;
  longer[*count] = NULL;
  *list = longer;
  return true;
}

static bool set_text(char **text, const struct field_value *value) {
  free(*text);
  *text = field_text(value);
  return *text != NULL;
}

bool process_spec_read(struct process_spec *spec, struct fields fields) {
  size_t arguments = 0, variables = 0, limits = 0, groups = 0;
  bool fine = true;
  *spec = (struct process_spec){0};
  for (struct field_value value; fine && fields_next(&fields, &value);) {
    switch (value.field) {
      case FIELD_ARGUMENT: fine = append_text(&spec->arguments, &arguments, &value); break;
      case FIELD_ENVIRONMENT: fine = append_text(&spec->environment, &variables, &value); break;
      case FIELD_FOLDER: fine = set_text(&spec->folder, &value); break;
      case FIELD_USER: fine = set_text(&spec->user, &value); break;
      case FIELD_TERMINAL: spec->terminal = field_number(&value) != 0; break;
      case FIELD_OPEN_STDIN: spec->open_stdin = field_number(&value) != 0; break;
      case FIELD_INIT: spec->init = field_number(&value) != 0; break;
      case FIELD_ATTACHED: spec->attached = field_number(&value) != 0; break;
      case FIELD_RESOURCE_LIMIT: fine = append_text(&spec->limits, &limits, &value); break;
      case FIELD_GROUP: fine = append_text(&spec->groups, &groups, &value); break;
      case FIELD_OOM_SCORE: fine = set_text(&spec->oom_score, &value); break;
      case FIELD_NO_NEW_PRIVILEGES: spec->no_new_privileges = field_number(&value) != 0; break;
      case FIELD_CAPABILITIES: spec->capabilities = field_number(&value); break;
      case FIELD_SIZE:
        if (value.size == 4) spec->rows = get16(value.data), spec->columns = get16(value.data + 2);
        break;
      default: break;
    }
  }
  fine = fine && fields.size == 0 && arguments > 0 && spec->folder != NULL && spec->user != NULL;
  if (!fine) process_spec_free(spec);
  return fine;
}

static void free_texts(char **texts) {
  for (char **text = texts; text != NULL && *text != NULL; text++) free(*text);
  free(texts);
}

void process_spec_free(struct process_spec *spec) {
  free_texts(spec->arguments);
  free_texts(spec->environment);
  free_texts(spec->limits);
  free_texts(spec->groups);
  free(spec->oom_score);
  free(spec->folder);
  free(spec->user);
  *spec = (struct process_spec){0};
}

/* `near` ends stay here, `far` ends become the process's 0, 1 and 2. */
struct channel { int near[3], far[3]; char terminal[32]; };

static void close_all(const int fds[3]) {
  for (int i = 0; i < 3; i++)
    if (fds[i] >= 0) close(fds[i]);
}

static bool open_pipes(const struct process_spec *spec, struct channel *channel) {
  for (int i = 0; i < 3; i++) {
    int ends[2];
    if (i == 0 && !spec->open_stdin) {
      channel->far[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
      continue;
    }
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    channel->near[i] = ends[i == 0];
    channel->far[i] = ends[i != 0];
    fcntl(channel->near[i], F_SETFL, O_NONBLOCK);
  }
  return true;
}

/* The terminal's other end is opened by the process itself, by its name inside the root. */
static bool open_terminal(const struct process_spec *spec, struct channel *channel) {
  int master = open(NEW_ROOT "/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  int unlock = 0, number = 0;
  if (master < 0) return false;
  channel->near[0] = master;
  if (ioctl(master, TIOCSPTLCK, &unlock) != 0 || ioctl(master, TIOCGPTN, &number) != 0) return false;
  snprintf(channel->terminal, sizeof channel->terminal, "/dev/pts/%d", number);
  struct winsize size = {.ws_row = spec->rows, .ws_col = spec->columns};
  if (spec->rows > 0) ioctl(master, TIOCSWINSZ, &size);
  return true;
}

/* The workload gets namespaces of its own, so that it is process 1 and does not see the agent; an exec joins them. */
static pid_t start_child(bool first) {
  if (first) return (pid_t)syscall(SYS_clone, SIGCHLD | CLONE_NEWPID | CLONE_NEWNS, 0, 0, 0, 0);
  /* Children are born into the namespace that is set here; the agent itself stays where it is. */
  if (setns(guest.pid_namespace, CLONE_NEWPID) != 0) return -1;
  pid_t pid = fork();
  int error = errno;
  if (pid != 0) setns(guest.own_pid_namespace, CLONE_NEWPID);
  errno = error;
  return pid;
}

static int open_namespace(pid_t pid, const char *name) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/ns/%s", pid, name);
  return open(path, O_RDONLY | O_CLOEXEC);
}

static void remember_namespaces(pid_t pid) {
  guest.own_pid_namespace = open_namespace(getpid(), "pid");
  guest.pid_namespace = open_namespace(pid, "pid");
  guest.mount_namespace = open_namespace(pid, "mnt");
  guest.cgroup_namespace = open_namespace(pid, "cgroup");
}

static pid_t fail(struct spawn_failure *failure, const char *what) {
  failure->error = errno;
  failure->exit_status = 126;
  snprintf(failure->text, sizeof failure->text, "cannot %s: %s", what, strerror(errno));
  return -1;
}

pid_t spawn(const struct process_spec *spec, bool first, struct process_pipes *pipes, struct spawn_failure *failure) {
  struct channel channel = {{-1, -1, -1}, {-1, -1, -1}, ""};
  int report[2] = {-1, -1};
  if (!(spec->terminal ? open_terminal(spec, &channel) : open_pipes(spec, &channel)) || pipe2(report, O_CLOEXEC) != 0) {
    fail(failure, "make the process's pipes");
    close_all(channel.near);
    close_all(channel.far);
    return -1;
  }
  if (first && !guest.privileged) confine_kernel(spec->capabilities);
  pid_t pid = start_child(first);
  if (pid == 0) {
    for (int i = 0; i < 3; i++)
      if (channel.far[i] >= 0) dup2(channel.far[i], i);
    child_run(spec, first, channel.terminal[0] ? channel.terminal : NULL, report[1]);
  }
  int fork_error = errno;
  close_all(channel.far);
  close(report[1]);
  /* The child says why it could not run the program, or says nothing and closes the pipe by running it. */
  ssize_t said = pid < 0 ? 0 : read(report[0], failure, sizeof *failure);
  close(report[0]);
  if (pid > 0 && said == 0) {
    *pipes = (struct process_pipes){channel.near[0], spec->terminal ? channel.near[0] : channel.near[1], channel.near[2]};
    if (first) {
      remember_namespaces(pid);
      guest.workload = pid;
      guest.state = STATE_RUNNING;
    }
    return pid;
  }
  close_all(channel.near);
  if (pid > 0) waitpid(pid, NULL, 0);
  errno = fork_error;
  return pid < 0 ? fail(failure, "start a process") : -1;
}
