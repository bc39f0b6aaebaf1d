/* What each frame from the daemon does. */
#include "hull.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

void reply_ok(uint32_t request) { link_send(FRAME_OK, request, "", 0); }

/* {u32 errno, u32 exit status (0: does not apply), text} */
void reply_error(uint32_t request, int error, int exit_status, const char *text) {
  uint8_t payload[8 + 512];
  size_t length = strnlen(text, 512);
  put32(payload, (uint32_t)error);
  put32(payload + 4, (uint32_t)exit_status);
  memcpy(payload + 8, text, length);
  link_send(FRAME_ERROR, request, payload, 8 + length);
}

void session_hello(void) {
  struct message hello = {.size = 0};
  struct utsname system;
  uname(&system);
  message_number(&hello, FIELD_STATE, guest.state);
  message_add(&hello, FIELD_KERNEL, system.release, strlen(system.release));
  message_number(&hello, FIELD_BOOT_MILLISECONDS, now_milliseconds());
  message_number(&hello, FIELD_WORKLOAD_PID, (uint64_t)guest.workload);
  message_number(&hello, FIELD_EXIT_STATUS, (uint64_t)guest.exit_status);
  link_send(FRAME_HELLO, 0, hello.bytes, hello.size);
}

static void handle_configure(uint32_t request, struct fields fields) {
  if (guest.state != STATE_BOOTED) return reply_error(request, EALREADY, 0, "the guest is configured already");
  const char *error = configure(fields);
  if (error != NULL) return reply_error(request, EIO, 0, error);
  guest.state = STATE_CONFIGURED;
  reply_ok(request);
}

static void handle_spawn(uint32_t id, struct fields fields, bool first) {
  if (first && (guest.state != STATE_CONFIGURED || guest.files_only)) return reply_error(id, EINVAL, 0, "the workload cannot start now");
  if (!first && guest.state != STATE_RUNNING) return reply_error(id, ESRCH, 0, "the workload does not run");
  if (stream_find(id) != NULL || (!first && id <= WORKLOAD_STREAM)) return reply_error(id, EEXIST, 0, "the stream is in use");
  if (!stream_room()) return reply_error(id, EMFILE, 0, "too many processes are attached");
  struct process_spec spec;
  if (!process_spec_read(&spec, fields)) return reply_error(id, EINVAL, 0, "the process description is malformed");
  struct process_pipes pipes;
  struct spawn_failure failure = {0};
  pid_t pid = spawn(&spec, first, &pipes, &failure);
  if (pid < 0) {
    reply_error(id, failure.error, failure.exit_status, failure.text);
  } else {
    /* The workload may have been attached before it was started. */
    uint8_t payload[4];
    put32(payload, (uint32_t)pid);
    stream_add(id, pid, pipes, spec.terminal, !first || spec.attached);
    link_send(FRAME_STARTED, id, payload, sizeof payload);
  }
  process_spec_free(&spec);
}

static void handle_file(uint32_t id, struct fields fields, bool reading) {
  char *path = NULL;
  mode_t mode = 0644;
  uid_t uid = 0;
  gid_t gid = 0;
  for (struct field_value value; fields_next(&fields, &value);) {
    if (value.field == FIELD_PATH && path == NULL) path = field_text(&value);
    if (value.field == FIELD_MODE) mode = (mode_t)field_number(&value) & 07777;
    if (value.field == FIELD_UID) uid = (uid_t)field_number(&value);
    if (value.field == FIELD_GID) gid = (gid_t)field_number(&value);
  }
  if (path == NULL || id <= WORKLOAD_STREAM || stream_find(id) != NULL || !stream_room()) {
    free(path);
    return reply_error(id, EINVAL, 0, stream_room() ? "the file request is malformed" : "too many files are open");
  }
  int fd = root_open(path, reading ? O_RDONLY | O_NONBLOCK : O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK, mode);
  if (fd < 0) {
    reply_error(id, errno, 0, strerror(errno));
  } else {
    if (!reading && (fchown(fd, uid, gid) != 0 || fchmod(fd, mode) != 0)) note("cannot set the owner of %s", path);
    struct process_pipes pipes = {.in = reading ? -1 : fd, .out = reading ? fd : -1, .err = -1};
    stream_add(id, 0, pipes, false, true);
    reply_ok(id);
  }
  free(path);
}

static void kill_one(pid_t pid, uint32_t number) { kill(pid, (int)number); }

/* {u32 signal, u32 all} */
static bool handle_signal(uint32_t id, const uint8_t *payload, size_t size) {
  if (size != 8) return false;
  struct stream *stream = stream_find(id);
  int number = (int)get32(payload);
  if (stream == NULL || stream_pid(stream) <= 0) {
    reply_error(id, ESRCH, 0, "the process does not run");
  } else if (id == WORKLOAD_STREAM && get32(payload + 4) != 0) {
    each_process(kill_one, get32(payload));
    reply_ok(id);
  } else if (kill(stream_pid(stream), number) != 0) {
    reply_error(id, errno, 0, strerror(errno));
  } else {
    reply_ok(id);
  }
  return true;
}

static void handle_request(enum frame_type type, uint32_t id) {
  if (type == FRAME_STATS) return stats_send(id);
  if (type == FRAME_PROCESSES) return processes_send(id);
  if (type == FRAME_SYNC) sync();
  if (type == FRAME_SHUTDOWN) guest.power_off = true;
  reply_ok(id);
}

static bool handle_stream(enum frame_type type, struct stream *stream, const uint8_t *payload, size_t size) {
  /* A stream that has just ended may still be spoken to. */
  if (stream == NULL) return true;
  switch (type) {
    case FRAME_STDIN: return stream_stdin(stream, payload, size);
    case FRAME_STDIN_END: stream_stdin_end(stream); return true;
    case FRAME_CREDIT:
      if (size != 4) return false;
      stream_credit(stream, get32(payload));
      return true;
    case FRAME_RESIZE:
      if (size != 4) return false;
      stream_resize(stream, get16(payload), get16(payload + 2));
      return true;
    case FRAME_ATTACH: stream_attach(stream, true); return true;
    default: stream_attach(stream, false); return true;
  }
}

static uint8_t *parts;
static size_t parts_size;

static bool add_part(const uint8_t *payload, size_t size) {
  /* realloc() to 0 bytes frees. */
  if (size == 0) return true;
  if (size > PARTS_MAX - parts_size) return false;
  uint8_t *longer = realloc(parts, parts_size + size);
  if (longer == NULL) return false;
  memcpy(longer + parts_size, payload, size);
  parts = longer;
  parts_size += size;
  return true;
}

static void drop_parts(void) {
  free(parts);
  parts = NULL;
  parts_size = 0;
}

void session_ended(void) {
  drop_parts();
  streams_orphan();
}

static bool dispatch(enum frame_type type, uint32_t id, const uint8_t *payload, size_t size) {
  struct fields fields = {payload, size};
  switch (type) {
    case FRAME_CONFIGURE: handle_configure(id, fields); return true;
    case FRAME_START: handle_spawn(WORKLOAD_STREAM, fields, true); return true;
    case FRAME_EXEC: handle_spawn(id, fields, false); return id > WORKLOAD_STREAM;
    case FRAME_READ_FILE:
    case FRAME_WRITE_FILE: handle_file(id, fields, type == FRAME_READ_FILE); return id > WORKLOAD_STREAM;
    case FRAME_TREE: handle_tree(id, fields); return id > WORKLOAD_STREAM;
    case FRAME_SIGNAL: return handle_signal(id, payload, size);
    case FRAME_STDIN:
    case FRAME_STDIN_END:
    case FRAME_CREDIT:
    case FRAME_RESIZE:
    case FRAME_ATTACH:
    case FRAME_DETACH: return handle_stream(type, stream_find(id), payload, size);
    case FRAME_STATS:
    case FRAME_PROCESSES:
    case FRAME_SYNC:
    case FRAME_SHUTDOWN: handle_request(type, id); return true;
    case FRAME_CLOCK:
      if (size != 8) return false;
      set_clock(get64(payload));
      reply_ok(id);
      return true;
    default: reply_error(id, ENOSYS, 0, "this agent does not know the request"); return true;
  }
}

bool session_frame(enum frame_type type, uint32_t id, const uint8_t *payload, size_t size) {
  if (type == FRAME_PART) return add_part(payload, size);
  if (parts == NULL) return dispatch(type, id, payload, size);
  bool fine = add_part(payload, size) && dispatch(type, id, parts, parts_size);
  drop_parts();
  return fine;
}
