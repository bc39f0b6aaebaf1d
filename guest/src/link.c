/*
 * The connection to the daemon: frames over the port `hull.agent`. Daemons come and go, and bytes of a lost connection may be in flight
 * either way, so every connection begins with a sync word and its own number, which every frame repeats at both ends.
 */
#include "hull.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OUT_CAPACITY (1024 * 1024)
#define OUT_BUSY (128 * 1024)
#define HANG_UP_MS 100
/* How long a daemon may leave a long reply unread. */
#define READ_MS 2000

static int port = -1;
static bool connected;
static uint64_t hung_up_at;
static uint32_t session; /* 0: none, look for the sync word */
static uint8_t in[FRAME_HEADER + FRAME_PAYLOAD_MAX + FRAME_TRAILER];
static size_t in_size;
static uint8_t out[OUT_CAPACITY];
static size_t out_start, out_end;

void link_open(void) {
  port = open_port("hull.agent", O_RDWR | O_NONBLOCK);
  if (port < 0) fatal("the agent port is missing");
  /* The driver raises SIGIO when the host's end is opened or closed. */
  fcntl(port, F_SETOWN, getpid());
  fcntl(port, F_SETFL, O_NONBLOCK | O_ASYNC);
}

bool link_connected(void) { return session != 0; }
bool link_ready(void) { return session != 0 && out_end - out_start < OUT_BUSY; }
/* A port without a peer reports a hang-up without end: it is left out then, and SIGIO tells when to look again. */
int link_poll_fd(void) { return connected ? port : -1; }
short link_poll_events(void) { return (short)(POLLIN | (out_end > out_start ? POLLOUT : 0)); }

static void drop_session(void) {
  bool had = session != 0;
  session = 0;
  out_start = out_end = 0;
  if (had) session_ended();
}

static bool room(size_t size) {
  if (size > sizeof out - out_end) {
    memmove(out, out + out_start, out_end - out_start);
    out_end -= out_start;
    out_start = 0;
  }
  return size <= sizeof out - out_end;
}

static void queue(const void *data, size_t size) {
  memcpy(out + out_end, data, size);
  out_end += size;
}

void link_send(enum frame_type type, uint32_t stream, const void *payload, size_t size) {
  if (session == 0 || size > FRAME_PAYLOAD_MAX) return;
  if (!room(FRAME_HEADER + size + FRAME_TRAILER)) {
    drop_session();
    return;
  }
  uint8_t header[FRAME_HEADER] = {FRAME_MAGIC, (uint8_t)type};
  put32(header + 4, stream);
  put32(header + 8, (uint32_t)size);
  put32(header + 12, session);
  queue(header, sizeof header);
  queue(payload, size);
  uint8_t trailer[FRAME_TRAILER];
  put32(trailer, session);
  queue(trailer, sizeof trailer);
}

static void flush(void) {
  while (out_end > out_start) {
    ssize_t count = write(port, out + out_start, out_end - out_start);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    out_start += (size_t)count;
  }
  out_start = out_end = 0;
}

void link_wait(void) {
  struct pollfd state = {.fd = port, .events = POLLOUT};
  while (session != 0 && !room(FRAME_HEADER + FRAME_PAYLOAD_MAX + FRAME_TRAILER)) {
    flush();
    if (out_end > out_start && poll(&state, 1, READ_MS) <= 0) return;
    if ((state.revents & (POLLHUP | POLLERR)) != 0) return;
  }
}

/* {"HULLSYNC", u64 number, u16 oldest version, u16 newest version, u32 0}, answered in kind with the version chosen (0: none). */
static void begin_session(const uint8_t *sync) {
  drop_session();
  uint16_t oldest = get16(sync + 16), newest = get16(sync + 18);
  uint16_t version = newest < PROTOCOL_VERSION_MAX ? newest : PROTOCOL_VERSION_MAX;
  if (version < oldest || version < PROTOCOL_VERSION_MIN) version = 0;
  uint8_t answer[SYNC_BYTES] = {0};
  memcpy(answer, sync, 16);
  put16(answer + 16, version);
  queue(answer, sizeof answer);
  if (version == 0) return;
  session = get32(sync + 8);
  session_hello();
}

static void consume(size_t size) {
  memmove(in, in + size, in_size - size);
  in_size -= size;
}

/* Looks for a sync word; what comes before it is of no one. */
static bool seek_sync(void) {
  for (size_t at = 0; at < in_size; at++) {
    size_t left = in_size - at, compared = left < 8 ? left : 8;
    if (memcmp(in + at, SYNC_WORD, compared) != 0) continue;
    consume(at);
    if (in_size < SYNC_BYTES) return false;
    uint8_t sync[SYNC_BYTES];
    memcpy(sync, in, sizeof sync);
    consume(SYNC_BYTES);
    if (get32(sync + 8) != 0) begin_session(sync);
    return true;
  }
  in_size = 0;
  return false;
}

/* Takes one frame off the buffer. False: more bytes are needed. */
static bool take_frame(void) {
  if (session == 0) return seek_sync();
  if (in_size < FRAME_HEADER) {
    /* Padding and sync words are shorter than a header may need: told by their first byte. */
    if (in_size > 0 && in[0] != FRAME_MAGIC) return seek_sync();
    return false;
  }
  if (in[0] != FRAME_MAGIC) return seek_sync();
  uint32_t size = get32(in + 8);
  if (get32(in + 12) != session || size > FRAME_PAYLOAD_MAX) {
    drop_session();
    return true;
  }
  size_t whole = FRAME_HEADER + (size_t)size + FRAME_TRAILER;
  if (in_size < whole) return false;
  bool intact = get32(in + FRAME_HEADER + size) == session;
  if (!intact || !session_frame((enum frame_type)in[1], get32(in + 4), in + FRAME_HEADER, size)) {
    drop_session();
    return true;
  }
  consume(whole);
  return true;
}

/*
 * News of the host's end comes by another way than its bytes, so a hang-up may be heard after the next connection's sync word has been read:
 * only one that lasts ends the session.
 */
static void look(void) {
  struct pollfd state = {.fd = port, .events = POLLIN};
  poll(&state, 1, 0);
  bool now = (state.revents & POLLHUP) == 0;
  if (connected && !now) hung_up_at = now_milliseconds();
  if (!now && session != 0 && now_milliseconds() - hung_up_at > HANG_UP_MS) {
    drop_session();
    in_size = 0;
  }
  connected = now;
}

void link_pump(void) {
  look();
  if (!connected) return;
  flush();
  /* A bound on one turn, so that a busy daemon does not starve the streams. */
  for (int turn = 0; turn < 32; turn++) {
    ssize_t count = read(port, in + in_size, sizeof in - in_size);
    if (count <= 0) break;
    in_size += (size_t)count;
    while (take_frame()) continue;
  }
  flush();
}
