const POWERS: Readonly<Record<string, number>> = { b: 0, k: 1, m: 2, g: 3, t: 4, p: 5 };

/** `512m`, `1.5g`, `64MiB`, `1024`: bytes, by 1024 (as go-units' RAMInBytes). Throws an Error that says what is wrong. */
export function parseBytes(value: string): number {
  const match = /^(\d+(?:\.\d+)?) ?(?:([kmgtp])(?:i?b)?|b)?$/i.exec(value);
  if (match === null) throw new Error("it must be a size such as '512m' or '1.5g' (units b, k, m, g, t)");
  const bytes = Math.trunc(Number(match[1]) * 1024 ** (POWERS[match[2]?.toLowerCase() ?? 'b'] ?? 0));
  if (!Number.isSafeInteger(bytes)) throw new Error('it is too large');
  return bytes;
}

/** As `parseBytes`; -1 for unlimited. */
export function parseSwap(value: string): number {
  return value === '-1' ? -1 : parseBytes(value);
}

/** `1.5` CPUs, as billionths. */
export function parseCpus(value: string): number {
  if (!/^(?:\d+(?:\.\d{0,9})?|\.\d{1,9})$/.test(value))
    throw new Error("it must be a number of CPUs such as '1.5', with at most 9 decimals");
  const nano = Math.round(Number(value) * 1e9);
  if (!Number.isSafeInteger(nano)) throw new Error('it is too large');
  return nano;
}
