/* Numbers of the agent protocol. ../PROTOCOL.md explains them; src/runtime/vm/agent-protocol.ts has the same. */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#define PROTOCOL_VERSION_MIN 1
#define PROTOCOL_VERSION_MAX 1

#define SYNC_WORD "HULLSYNC"
#define SYNC_BYTES 24
#define FRAME_MAGIC 0xA7
#define FRAME_HEADER 16
#define FRAME_TRAILER 4
#define FRAME_PAYLOAD_MAX 16384

#define STDIN_WINDOW 65536
/* What a process left in its pipes when it ended is sent beyond its credit, up to this. */
#define FINAL_OVERSHOOT (256 * 1024)

/* A request too long for one frame comes in parts; all together at most this. */
#define PARTS_MAX (1024 * 1024)

#define WORKLOAD_STREAM 1

enum frame_type {
  /* host to guest */
  FRAME_CONFIGURE = 1,
  FRAME_START = 2,
  FRAME_EXEC = 3,
  FRAME_STDIN = 4,
  FRAME_STDIN_END = 5,
  FRAME_CREDIT = 6,
  FRAME_SIGNAL = 7,
  FRAME_RESIZE = 8,
  FRAME_ATTACH = 9,
  FRAME_DETACH = 10,
  FRAME_STATS = 11,
  FRAME_PROCESSES = 12,
  FRAME_READ_FILE = 13,
  FRAME_WRITE_FILE = 14,
  FRAME_SYNC = 15,
  FRAME_SHUTDOWN = 16,
  FRAME_PART = 19,
  FRAME_TREE = 20,
  FRAME_IDENTITY = 18, /* reserved: new identity after a restore from a template */
  /* guest to host */
  FRAME_HELLO = 64,
  FRAME_OK = 65,
  FRAME_ERROR = 66,
  FRAME_STARTED = 67,
  FRAME_OUTPUT = 68,
  FRAME_OUTPUT_END = 69,
  FRAME_EXIT = 70,
  FRAME_STDIN_CREDIT = 71,
  FRAME_DATA = 72,
};

enum field {
  /* CONFIGURE */
  FIELD_HOSTNAME = 1,
  FIELD_DOMAINNAME = 2,
  FIELD_CLOCK = 3,
  FIELD_NETWORK = 4,
  FIELD_FILE = 5,
  FIELD_SHARE = 6,
  FIELD_TMPFS = 7,
  FIELD_ENTROPY = 10,
  FIELD_READ_ONLY_ROOT = 11,
  FIELD_PRIVILEGED = 12,
  FIELD_PIDS_LIMIT = 13,
  FIELD_MEMORY_LIMIT = 14,
  FIELD_SYSCTL = 15,
  FIELD_SHARED_MEMORY = 16,
  /* START, EXEC */
  FIELD_ARGUMENT = 32,
  FIELD_ENVIRONMENT = 33,
  FIELD_FOLDER = 34,
  FIELD_USER = 35,
  FIELD_TERMINAL = 36,
  FIELD_SIZE = 37,
  FIELD_OPEN_STDIN = 38,
  FIELD_CAPABILITIES = 39,
  FIELD_INIT = 40,
  FIELD_ATTACHED = 41,
  FIELD_RESOURCE_LIMIT = 42,
  FIELD_GROUP = 43,
  FIELD_NO_NEW_PRIVILEGES = 44,
  FIELD_OOM_SCORE = 45,
  /* READ_FILE, WRITE_FILE */
  FIELD_PATH = 48,
  FIELD_MODE = 49,
  FIELD_UID = 50,
  FIELD_GID = 51,
  /* TREE, with PATH and USER */
  FIELD_OPERATION = 52,
  FIELD_KEEP_KINDS = 53,
  /* HELLO */
  FIELD_STATE = 64,
  FIELD_KERNEL = 65,
  FIELD_BOOT_MILLISECONDS = 66,
  FIELD_WORKLOAD_PID = 67,
  FIELD_EXIT_STATUS = 68,
};

enum guest_state { STATE_BOOTED = 0, STATE_CONFIGURED = 1, STATE_RUNNING = 2, STATE_EXITED = 3 };

#endif
