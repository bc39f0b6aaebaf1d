/* PID 1 and agent of a Twinhull VM: shared declarations. main.c describes the life of the guest. */
#ifndef HULL_H
#define HULL_H

#define _GNU_SOURCE
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol.h"

#define NEW_ROOT "/root"
#define CGROUP "/cgroup"
#define WORKLOAD_CGROUP CGROUP "/workload"

/* ---- util.c ---- */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void fatal(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
bool write_text(const char *path, const char *text);
/* Reads at most size-1 bytes and terminates them; -1 when the file cannot be read. */
ssize_t read_text(const char *path, char *buffer, size_t size);
bool write_all(int fd, const void *data, size_t size);
uint64_t now_milliseconds(void);
uint16_t get16(const uint8_t *at);
uint32_t get32(const uint8_t *at);
uint64_t get64(const uint8_t *at);
void put16(uint8_t *at, uint16_t value);
void put32(uint8_t *at, uint32_t value);
void put64(uint8_t *at, uint64_t value);

/* ---- fields.c: sequences of {u16 field, u32 length, bytes} ---- */
struct fields { const uint8_t *data; size_t size; };
struct field_value { uint16_t field; uint32_t size; const uint8_t *data; };
/* Takes the next field off the front; false at the end or when malformed. */
bool fields_next(struct fields *fields, struct field_value *value);
/* A terminated copy (caller frees); NULL when it contains a zero byte. */
char *field_text(const struct field_value *value);
uint64_t field_number(const struct field_value *value);

/* ---- boot.c ---- */
void boot(void);
/* Mounts the image's disk with the writable one over it at NEW_ROOT; `scratch` NULL: memory. Serials. NULL, or what went wrong. */
const char *mount_root(const char *image, const char *scratch);
void load_modules(const char *group);
/* The value of `name=` on the kernel's command line. */
bool kernel_option(const char *name, char *value, size_t size);
/* Opens the virtio port of this name; waits for it to appear. -1 when it does not. */
int open_port(const char *name, int flags);

/* ---- mounts.c ---- */
/* What of the agent's own mounts the workload has no use for. */
void leave_agents_mounts(void);
void mount_system(void);
void mount_devices(bool privileged);
/* Makes the target inside the new root, never outside it, and returns a descriptor's path to mount on. */
bool open_target(const char *target, bool folder, char *path, size_t size);
void close_target(const char *path);
const char *mount_share(const char *tag, const char *target, const char *file, bool read_only);
const char *mount_tmpfs(const char *target, const char *options);
const char *mount_private(bool privileged);

/* ---- confine.c: for a workload that is not privileged ---- */
/* NULL, or what went wrong. */
const char *confine_devices(void);
/* For good: what only a workload with these capabilities may need goes. */
void confine_kernel(uint64_t capabilities);
/* Remembers a path to be masked, or read-only. NULL, or what is wrong with it. */
const char *confine_path(const char *path, bool mask);
/* In the workload's own mounts. NULL, or the path that could not be confined. */
const char *confine_paths(void);

/* ---- configure.c ---- */
/* Applies a CONFIGURE payload; NULL or what went wrong. */
const char *configure(struct fields fields);
const char *configure_network(const char *text);
void set_clock(uint64_t nanoseconds);
void configure_loopback(void);

/* ---- log.c ---- */
void log_open(void);
void log_output(const char *name, const uint8_t *data, size_t size);
/* Room for another read's worth of output? */
bool log_ready(void);
int log_poll_fd(void);
void log_flush(bool block);
void log_exit(int status, bool out_of_memory);

/* ---- link.c: the connection to the daemon ---- */
void link_open(void);
int link_poll_fd(void);
short link_poll_events(void);
/* Reads, parses and dispatches; writes what is queued. */
void link_pump(void);
bool link_connected(void);
/* Room for another data frame? */
bool link_ready(void);
/* Makes room for another frame of a reply of any length: waits for the daemon to read, not for ever. */
void link_wait(void);
void link_send(enum frame_type type, uint32_t stream, const void *payload, size_t size);
/* A frame of fields: build, add, send. */
struct message { uint8_t bytes[FRAME_PAYLOAD_MAX]; size_t size; };
void message_add(struct message *message, uint16_t field, const void *data, size_t size);
void message_number(struct message *message, uint16_t field, uint64_t value);

/* ---- session.c: what each frame does ---- */
/* False: the frame breaks the protocol and the connection starts over. */
bool session_frame(enum frame_type type, uint32_t stream, const uint8_t *payload, size_t size);
void session_hello(void);
void session_ended(void);
void reply_ok(uint32_t request);
void reply_error(uint32_t request, int error, int exit_status, const char *text);

/* ---- state.c ---- */
extern struct guest {
  enum guest_state state;
  pid_t workload;
  int pid_namespace, own_pid_namespace, mount_namespace, cgroup_namespace;
  int exit_status;
  bool privileged;
  /* Booted for the instance's files alone: there is no workload. */
  bool files_only;
  bool power_off;
} guest;

/* ---- process.c, spawn.c ---- */
struct process_spec {
  char **arguments, **environment;
  char *folder, *user;
  /* "RESOURCE SOFT HARD", numbers of setrlimit(2); names or numbers of further groups; a number of -1000 to 1000, or NULL. */
  char **limits, **groups, *oom_score;
  bool terminal, open_stdin, init, attached, no_new_privileges;
  uint16_t rows, columns;
  uint64_t capabilities;
};
/* False when malformed. The texts live until process_spec_free. */
bool process_spec_read(struct process_spec *spec, struct fields fields);
void process_spec_free(struct process_spec *spec);

struct process_pipes { int in, out, err; };
struct spawn_failure { int error; int exit_status; char text[240]; };
/* Starts the workload (`first`) or an exec beside it. Returns the pid, or -1 with `failure` filled. */
pid_t spawn(const struct process_spec *spec, bool first, struct process_pipes *pipes, struct spawn_failure *failure);

/* ---- user.c ---- */
struct user { uid_t uid; gid_t gid; gid_t groups[64]; size_t group_count; char home[256]; };
/* Looks `text` up in /etc/passwd and /etc/group of the current root. False: not found, `error` says what. */
bool find_user(const char *text, struct user *user, char *error, size_t size);
/* Adds a group by name or number. False: not found, `error` says what. */
bool find_further_group(const char *text, struct user *user, char *error, size_t size);

/* ---- child.c: inside the new process ---- */
void child_run(const struct process_spec *spec, bool first, const char *terminal, int failure_fd) __attribute__((noreturn));

/* ---- stream.c: processes' and files' stdio ---- */
#define STREAMS_MAX 65
struct pollfd;
struct stream *stream_find(uint32_t id);
/* Asked before a process or file is made for a stream: `stream_add` then has a place for it. */
bool stream_room(void);
struct stream *stream_add(uint32_t id, pid_t pid, struct process_pipes pipes, bool terminal, bool attached);
bool stream_stdin(struct stream *stream, const uint8_t *data, size_t size);
void stream_stdin_end(struct stream *stream);
void stream_credit(struct stream *stream, uint32_t bytes);
void stream_attach(struct stream *stream, bool attached);
void stream_resize(struct stream *stream, uint16_t rows, uint16_t columns);
pid_t stream_pid(const struct stream *stream);
void stream_exited(pid_t pid, int status);
/* The daemon is gone: the workload is detached, execs lose their stdio. */
void streams_orphan(void);
size_t streams_poll(struct pollfd *fds, size_t capacity);
void streams_pump(void);
/* Has the workload ended, and all its output been passed on? */
bool workload_drained(int *status);

/* ---- files.c ---- */
int root_open(const char *path, int flags, mode_t mode);

/* ---- tree.c ---- */
/* Starts a child that sends or makes files; answers STARTED. */
void handle_tree(uint32_t request, struct fields fields);

/* ---- stats.c ---- */
/* Calls back for every process of the workload, in the agent's own numbers. */
void each_process(void (*callback)(pid_t pid, uint32_t argument), uint32_t argument);
void stats_send(uint32_t request);
void processes_send(uint32_t request);
uint64_t out_of_memory_kills(void);

#endif
