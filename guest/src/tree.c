/* TREE: a child of the agent's that looks at, sends or makes files, in the workload's root or another one of the guest's. */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

struct tree_request { char *path, *user; uint32_t operation; bool keep_kinds; };

void tree_fail(int error, const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  write_all(STDERR_FILENO, text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);
  _exit(error > 0 && error < 256 ? error : EIO);
}

bool tree_join(char *path, size_t size, const char *folder, const char *name) {
  const char *slash = folder[0] != 0 && folder[strlen(folder) - 1] != '/' ? "/" : "";
  return (size_t)snprintf(path, size, "%s%s%s", folder, slash, name) < size;
}

/* Where no workload runs: the root with what is mounted on it. */
static void enter_root(void) {
  if (unshare(CLONE_NEWNS) != 0) tree_fail(errno, "cannot make a mount namespace: %s", strerror(errno));
  mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
  if (chdir(NEW_ROOT) != 0 || chroot(".") != 0) tree_fail(errno, "cannot enter the root filesystem: %s", strerror(errno));
}

/* The workload's own mounts, without the kernel's filesystems: in a copy that nobody else sees. */
static void enter_workload(void) {
  if (setns(guest.mount_namespace, CLONE_NEWNS) != 0 || unshare(CLONE_NEWNS) != 0)
    tree_fail(errno, "cannot join the workload: %s", strerror(errno));
  mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
  const char *system[] = {"/proc", "/sys", "/dev"};
  for (size_t i = 0; i < sizeof system / sizeof *system; i++) umount2(system[i], MNT_DETACH | UMOUNT_NOFOLLOW);
}

/* A folder of the agent's, without what is mounted on it. */
static void enter_folder(const char *folder) {
  if (unshare(CLONE_NEWNS) != 0) tree_fail(errno, "cannot make a mount namespace: %s", strerror(errno));
  mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
  if (mount(folder, folder, NULL, MS_BIND, NULL) != 0 || chdir(folder) != 0 || chroot(".") != 0)
    tree_fail(errno, "cannot enter %s: %s", folder, strerror(errno));
}

/* The writable part and the image beside each other: mounts of the agent's own. */
static void enter_parts(void) {
  if (unshare(CLONE_NEWNS) != 0) tree_fail(errno, "cannot make a mount namespace: %s", strerror(errno));
  mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
  if (mount("tmpfs", "/cgroup", "tmpfs", 0, "mode=700") != 0 || mkdir("/cgroup/upper", 0700) != 0 || mkdir("/cgroup/lower", 0700) != 0 ||
      mount("/scratch/upper", "/cgroup/upper", NULL, MS_BIND, NULL) != 0 || mount("/image", "/cgroup/lower", NULL, MS_BIND, NULL) != 0 ||
      chdir("/cgroup") != 0 || chroot(".") != 0)
    tree_fail(errno, "cannot put the instance's files beside its image's: %s", strerror(errno));
}

/* What was written is to be there after the guest is gone, however it goes. */
static void write_through(void) {
  int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (root < 0 || syncfs(root) != 0) tree_fail(errno, "cannot write to the disk: %s", strerror(errno));
}

static void carry_out(const struct tree_request *request) {
  struct user user;
  char error[240];
  umask(0);
  if (request->operation == TREE_CHANGES) {
    enter_parts();
    return tree_changes();
  }
  if (request->operation == TREE_ROOT) enter_folder(NEW_ROOT);
  else if (request->operation == TREE_UPPER) enter_folder("/scratch/upper");
  else if (guest.files_only) enter_root();
  else enter_workload();
  if (request->operation != TREE_WRITE) return tree_read(request->path, request->operation != TREE_STAT);
  if (request->user != NULL && !find_user(request->user, &user, error, sizeof error)) tree_fail(EINVAL, "%s", error);
  tree_write(request->path, request->keep_kinds, request->user == NULL ? NULL : &user);
  if (guest.files_only) write_through();
}

static bool read_request(struct tree_request *request, struct fields fields) {
  *request = (struct tree_request){0};
  for (struct field_value value; fields_next(&fields, &value);) {
    if (value.field == FIELD_PATH && request->path == NULL) request->path = field_text(&value);
    if (value.field == FIELD_USER && request->user == NULL) request->user = field_text(&value);
    if (value.field == FIELD_OPERATION) request->operation = (uint32_t)field_number(&value);
    if (value.field == FIELD_KEEP_KINDS) request->keep_kinds = field_number(&value) != 0;
  }
  return fields.size == 0 && request->path != NULL && request->operation >= TREE_STAT && request->operation <= TREE_CHANGES;
}

static pid_t start(const struct tree_request *request, struct process_pipes *pipes) {
  int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1};
  pid_t pid = -1;
  if (pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0) pid = fork();
  if (pid == 0) {
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    dup2(err[1], STDERR_FILENO);
    /* Among them the agent's own: whoever reads must see the end. */
    for (int fd = 3; fd < 1024; fd++)
      if (fd != guest.mount_namespace) close(fd);
    carry_out(request);
    _exit(0);
  }
  int error = errno;
  int theirs[] = {in[0], out[1], err[1]}, ours[] = {in[1], out[0], err[0]};
  for (int i = 0; i < 3; i++) {
    if (theirs[i] >= 0) close(theirs[i]);
    if (pid < 0 && ours[i] >= 0) close(ours[i]);
    if (pid > 0) fcntl(ours[i], F_SETFL, O_NONBLOCK);
  }
  *pipes = (struct process_pipes){in[1], out[0], err[0]};
  errno = error;
  return pid;
}

void handle_tree(uint32_t id, struct fields fields) {
  struct tree_request request;
  struct process_pipes pipes;
  uint8_t payload[4];
  if (!read_request(&request, fields)) reply_error(id, EINVAL, 0, "the tree request is malformed");
  else if (guest.state != (guest.files_only ? STATE_CONFIGURED : STATE_RUNNING)) reply_error(id, ESRCH, 0, "the workload does not run");
  else if (id <= WORKLOAD_STREAM || stream_find(id) != NULL) reply_error(id, EEXIST, 0, "the stream is in use");
  else if (!stream_room()) reply_error(id, EMFILE, 0, "too many processes are attached");
  else {
    pid_t pid = start(&request, &pipes);
    if (pid < 0) {
      reply_error(id, errno, 0, strerror(errno));
    } else {
      stream_add(id, pid, pipes, false, true);
      put32(payload, (uint32_t)pid);
      link_send(FRAME_STARTED, id, payload, sizeof payload);
    }
  }
  free(request.path);
  free(request.user);
}
