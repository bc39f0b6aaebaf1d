/** An entry of a "newc" cpio archive (Linux: Documentation/driver-api/early-userspace/buffer-format.rst). */
export interface CpioEntry {
  /** Without a leading slash. */
  readonly name: string;
  /** Type and permission bits, as st_mode. */
  readonly mode: number;
  readonly data?: Uint8Array;
  readonly device?: { readonly major: number; readonly minor: number };
}

export const MODE = { folder: 0o40755, program: 0o100755, file: 0o100644, characterDevice: 0o20600 } as const;

/** Writes an archive that the kernel unpacks as its initramfs. All owned by root, no times: equal input gives equal bytes. */
export function writeCpio(entries: readonly CpioEntry[]): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (const [index, entry] of [...entries, { name: 'TRAILER!!!', mode: 0 }].entries()) {
    const name = Buffer.from(`${entry.name}\0`);
    const data = entry.data ?? new Uint8Array();
    const numbers = [
      index + 1,
      entry.mode,
      0,
      0,
      1,
      0,
      data.length,
      0,
      0,
      entry.device?.major ?? 0,
      entry.device?.minor ?? 0,
      name.length,
      0,
    ];
    const head = `070701${numbers.map((number) => number.toString(16).padStart(8, '0')).join('')}`;
    pieces.push(Buffer.from(head), name, padding(head.length + name.length), data, padding(data.length));
  }
  return Buffer.concat(pieces);
}

function padding(length: number): Uint8Array {
  return new Uint8Array((4 - (length % 4)) % 4);
}
