/** Machines that are emulated take longer; see `scripts/test/parts.ts`. */
export const PATIENCE = Math.max(1, Number(process.env['HULL_TEST_PATIENCE'] ?? '1'));

/** Asks again until there is an answer; an error counts as none. Fails after `within` milliseconds, longer where the machine is emulated. */
export async function until<T>(what: string, probe: () => Promise<T | null>, within = 30_000): Promise<T> {
  const deadline = Date.now() + within * PATIENCE;
  for (;;) {
    const found = await probe().catch(() => null);
    if (found !== null) return found;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${within} ms`);
    await Bun.sleep(50);
  }
}
