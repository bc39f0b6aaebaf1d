/** Milliseconds between looks. */
const PAUSE = 5;

/**
 * Tells of each time that the event loop stood still: `most` milliseconds of this thread's CPU time, or more, passed between two turns of it.
 * CPU time, so that a busy machine makes no difference. For tests: the daemon does so where `HULL_WATCH_LOOP` is set. Returns what ends it.
 */
export function watchLoop(most: number, tell: (milliseconds: number) => void): () => void {
  let last = cpuTime();
  const timer = setInterval(() => {
    const now = cpuTime();
    if (now - last >= most) tell(Math.round(now - last));
    last = now;
  }, PAUSE);
  timer.unref();
  return () => clearInterval(timer);
}

/** Of this thread, in milliseconds. */
function cpuTime(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
