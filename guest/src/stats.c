/* Facts about the workload, for `stats` and `top`. */
#include "hull.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The number after `key` at the start of a line. */
static uint64_t keyed(const char *path, const char *key) {
  char text[8192], *rest = text;
  if (read_text(path, text, sizeof text) < 0) return 0;
  size_t length = strlen(key);
  for (char *line; (line = strsep(&rest, "\n")) != NULL;)
    if (strncmp(line, key, length) == 0 && (line[length] == ' ' || line[length] == ':')) return strtoull(line + length + 1, NULL, 10);
  return 0;
}

static uint64_t single(const char *path) {
  char text[64];
  return read_text(path, text, sizeof text) < 0 ? 0 : strtoull(text, NULL, 10);
}

uint64_t out_of_memory_kills(void) { return keyed("/proc/vmstat", "oom_kill"); }

/* Sums `key=` over the devices of io.stat. */
static uint64_t io_bytes(const char *key) {
  char text[4096], *at = text;
  uint64_t sum = 0;
  if (read_text(WORKLOAD_CGROUP "/io.stat", text, sizeof text) < 0) return 0;
  while ((at = strstr(at, key)) != NULL) sum += strtoull(at += strlen(key), NULL, 10);
  return sum;
}

/* JSON; the daemon takes nothing in it on trust. */
void stats_send(uint32_t request) {
  char text[512];
  int length = snprintf(
      text, sizeof text,
      "{\"cpuUsec\":%llu,\"userUsec\":%llu,\"systemUsec\":%llu,\"memory\":%llu,\"inactiveFile\":%llu,\"total\":%llu,"
      "\"pids\":%llu,\"read\":%llu,\"written\":%llu}",
      (unsigned long long)keyed(WORKLOAD_CGROUP "/cpu.stat", "usage_usec"),
      (unsigned long long)keyed(WORKLOAD_CGROUP "/cpu.stat", "user_usec"),
      (unsigned long long)keyed(WORKLOAD_CGROUP "/cpu.stat", "system_usec"),
      (unsigned long long)single(WORKLOAD_CGROUP "/memory.current"),
      (unsigned long long)keyed(WORKLOAD_CGROUP "/memory.stat", "inactive_file"),
      (unsigned long long)keyed("/proc/meminfo", "MemTotal") * 1024, (unsigned long long)single(WORKLOAD_CGROUP "/pids.current"),
      (unsigned long long)io_bytes("rbytes="), (unsigned long long)io_bytes("wbytes="));
  link_send(FRAME_DATA, request, text, (size_t)length);
  reply_ok(request);
}

/* One process as {u32 length, the raw /proc/PID/stat line, 0, uid, 0, the command line}. */
static size_t describe(pid_t pid, uint8_t *record, size_t size) {
  char path[64], stat[1024], status[4096], command[2048];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  ssize_t stat_length = read_text(path, stat, sizeof stat);
  snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
  ssize_t command_length = read_text(path, command, sizeof command);
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  if (stat_length < 0 || command_length < 0 || read_text(path, status, sizeof status) < 0) return 0;
  char *uid = strstr(status, "\nUid:");
  int length = snprintf((char *)record + 4, size - 4, "%.*s%c%d%c", (int)stat_length, stat, 0, uid == NULL ? 0 : atoi(uid + 5), 0);
  if ((size_t)length + (size_t)command_length + 4 > size) return 0;
  memcpy(record + 4 + length, command, (size_t)command_length);
  put32(record, (uint32_t)(length + command_length));
  return 4 + (size_t)length + (size_t)command_length;
}

void each_process(void (*callback)(pid_t pid, uint32_t argument), uint32_t argument) {
  FILE *pids = fopen(WORKLOAD_CGROUP "/cgroup.procs", "re");
  if (pids == NULL) return;
  for (char line[32]; fgets(line, sizeof line, pids) != NULL;) callback(atoi(line), argument);
  fclose(pids);
}

static void process_send(pid_t pid, uint32_t request) {
  uint8_t record[4096];
  size_t size = describe(pid, record, sizeof record);
  link_wait();
  if (size > 0) link_send(FRAME_DATA, request, record, size);
}

/* Hundreds of processes and their long command lines do not fit what is queued for the daemon at once. */
void processes_send(uint32_t request) {
  each_process(process_send, request);
  link_wait();
  reply_ok(request);
}
