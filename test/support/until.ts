/** Asks again until there is an answer; an error counts as none. Fails after `within` milliseconds. */
export async function until<T>(what: string, probe: () => Promise<T | null>, within = 30_000): Promise<T> {
  const deadline = Date.now() + within;
  for (;;) {
    const found = await probe().catch(() => null);
    if (found !== null) return found;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${within} ms`);
    await Bun.sleep(50);
  }
}
