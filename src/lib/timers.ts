/** What setTimeout takes; more than that and it fires at once. */
const LONGEST = 2 ** 31 - 1;

/** Does `work` after so many milliseconds, however many they are. Disposing calls it off. */
export function after(milliseconds: number, work: () => void): Disposable {
  const end = performance.now() + milliseconds;
  return whenOver(() => end - performance.now(), work);
}

/** Does `work` at a time of the host's clock, in milliseconds since the epoch with a fraction, never before it; soon, where that is past. */
export function at(time: number, work: () => void): Disposable {
  return whenOver(() => time - Date.now(), work);
}

/** Timers know whole milliseconds, may come early, and have an end: so what is left is looked at each time. */
function whenOver(left: () => number, work: () => void): Disposable {
  const wait = (): ReturnType<typeof setTimeout> =>
    setTimeout(look, Math.min(Math.max(0, Math.ceil(left())), LONGEST));
  let timer = wait();
  function look(): void {
    if (left() <= 0) work();
    else timer = wait();
  }
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}
