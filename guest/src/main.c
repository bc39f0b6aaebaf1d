/*
 * PID 1 and agent of a Twinhull VM.
 *
 *   booted --CONFIGURE--> configured --START--> running --workload ends--> exited, power off
 *
 * One that is booted for its files alone is never started: it powers off when it is told to, or when nobody is connected to it any more.
 *
 * Everything up to START is the same for every instance of an image and shape but for CONFIGURE, so that a VM saved between "booted" and
 * "configured" can serve as a template. One thread, one loop; the daemon may come and go at any time.
 */
#include "hull.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define POLL_MAX (3 + 3 * STREAMS_MAX)
/* What is not worth an event of its own (a terminal nobody has open, a missed SIGIO) is looked at this often. */
#define IDLE_MS 250
/* How long a daemon may take to hear of the end: what the host has not taken of the last output is lost with the guest. */
#define GOODBYE_MS 10000
/* How long a guest without a workload waits for a daemon. */
#define LONELY_MS 20000

struct guest guest = {.state = STATE_BOOTED, .workload = 0};

static int open_signals(void) {
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGCHLD);
  sigaddset(&wanted, SIGIO);
  sigprocmask(SIG_BLOCK, &wanted, NULL);
  signal(SIGPIPE, SIG_IGN);
  return signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void reap(void) {
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) stream_exited(pid, status);
}

static void wait_events(int signals) {
  struct pollfd fds[POLL_MAX];
  size_t count = 0;
  fds[count++] = (struct pollfd){.fd = signals, .events = POLLIN};
  fds[count++] = (struct pollfd){.fd = link_poll_fd(), .events = link_poll_events()};
  fds[count++] = (struct pollfd){.fd = log_poll_fd(), .events = POLLOUT};
  count += streams_poll(fds + count, POLL_MAX - count);
  poll(fds, count, IDLE_MS);
  if (fds[0].revents == 0) return;
  struct signalfd_siginfo information[8];
  while (read(signals, information, sizeof information) > 0) continue;
}

static void turn(int signals) {
  wait_events(signals);
  reap();
  link_pump();
  streams_pump();
  log_flush(false);
  link_pump();
}

/* Nobody else would ever end it. */
static bool forsaken(void) {
  static uint64_t seen_at;
  if (seen_at == 0 || link_connected()) seen_at = now_milliseconds();
  return guest.files_only && now_milliseconds() - seen_at > LONELY_MS;
}

/*
 * The disks first, then the record, then the word to the daemon: who reads the record may use the disks. A write that is done is with the driver,
 * not yet with the daemon: only its SHUTDOWN says that it has heard all.
 */
static void end(int signals, int status) {
  sync();
  guest.state = STATE_EXITED;
  guest.exit_status = status;
  log_exit(status, out_of_memory_kills() > 0);
  uint8_t payload[4];
  put32(payload, (uint32_t)status);
  link_send(FRAME_EXIT, WORKLOAD_STREAM, payload, sizeof payload);
  uint64_t deadline = now_milliseconds() + GOODBYE_MS;
  link_pump();
  while (link_connected() && !guest.power_off && now_milliseconds() < deadline) turn(signals);
}

int main(void) {
  int signals = open_signals();
  boot();
  log_open();
  link_open();
  int status = 0;
  while (!guest.power_off && !forsaken() && !workload_drained(&status)) turn(signals);
  if (!guest.power_off && !guest.files_only) end(signals, status);
  link_pump();
  sync();
  reboot(RB_POWER_OFF);
  for (;;) pause();
}
