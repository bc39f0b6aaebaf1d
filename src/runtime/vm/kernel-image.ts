import type { Exec } from '../../host/host.ts';
import { HullError } from '../../model/errors.ts';
import { decompress } from './compression.ts';

const ELF = Buffer.from([0x7f, 0x45, 0x4c, 0x46]);
/** Offsets in the x86 boot protocol's setup header (Linux: Documentation/x86/boot.rst). */
const SETUP_SECTORS = 0x1f1;
const HEADER_MAGIC = 0x202;
const PAYLOAD_OFFSET = 0x248;
const PAYLOAD_LENGTH = 0x24c;
/** The note by which a kernel says where QEMU may enter it in protected mode (XEN_ELFNOTE_PHYS32_ENTRY, owner "Xen"). */
const PVH_NOTE = 18;

/** The compressed kernel inside a bzImage; null when the file is none. */
export function bzImagePayload(image: Uint8Array): Uint8Array | null {
  const view = Buffer.from(image.buffer, image.byteOffset, image.byteLength);
  if (view.length < 0x260 || view.toString('latin1', HEADER_MAGIC, HEADER_MAGIC + 4) !== 'HdrS') return null;
  const start = ((view[SETUP_SECTORS] || 4) + 1) * 512 + view.readUInt32LE(PAYLOAD_OFFSET);
  const length = view.readUInt32LE(PAYLOAD_LENGTH);
  if (length < 8 || start + length > view.length) return null;
  return view.subarray(start, start + length);
}

/** Is this an ELF kernel that QEMU can enter directly (CONFIG_PVH)? Others need the bzImage's own loader. */
export function hasPvhEntry(elf: Uint8Array): boolean {
  const view = Buffer.from(elf.buffer, elf.byteOffset, elf.byteLength);
  if (view.length < 64 || !view.subarray(0, 4).equals(ELF) || view[4] !== 2) return false;
  const start = Number(view.readBigUInt64LE(32));
  const size = view.readUInt16LE(54);
  for (let index = 0; index < view.readUInt16LE(56); index++) {
    const at = start + index * size;
    if (at + 56 > view.length) return false;
    const isNote = view.readUInt32LE(at) === 4;
    if (
      isNote &&
      notesHavePvh(view, Number(view.readBigUInt64LE(at + 8)), Number(view.readBigUInt64LE(at + 32)))
    )
      return true;
  }
  return false;
}

function notesHavePvh(view: Buffer, start: number, size: number): boolean {
  const end = Math.min(start + size, view.length);
  for (let at = start; at + 12 <= end;) {
    const nameSize = view.readUInt32LE(at);
    const valueSize = view.readUInt32LE(at + 4);
    if (view.readUInt32LE(at + 8) === PVH_NOTE && view.toString('latin1', at + 12, at + 15) === 'Xen')
      return true;
    at += 12 + align(nameSize) + align(valueSize);
  }
  return false;
}

function align(size: number): number {
  return (size + 3) & ~3;
}

/**
 * The uncompressed kernel of a bzImage or ELF file, for QEMU to enter directly; null when it has no PVH entry (use the file as it is then).
 * Rejects `kernel-not-found` when the file is no kernel, `host-tool-missing` when its compression needs a tool that is not installed,
 * `command-failed` when only a part of it came out.
 */
export async function extractKernel(
  image: Uint8Array,
  exec: Exec,
  folder: string,
): Promise<Uint8Array | null> {
  const start = Buffer.from(image.subarray(0, 4));
  if (start.equals(ELF)) return hasPvhEntry(image) ? image : null;
  const payload = bzImagePayload(image);
  if (payload === null)
    throw new HullError(
      'kernel-not-found',
      'the guest kernel is neither a bzImage nor an ELF file; name another file',
    );
  // The build appends the size in four bytes, except to gzip, which ends with it anyway.
  const isGzip = payload[0] === 0x1f && payload[1] === 0x8b;
  const kernel = await decompress(isGzip ? payload : payload.subarray(0, -4), exec, folder);
  const size = Buffer.from(payload.subarray(-4)).readUInt32LE();
  // A tool that could not write it all leaves a beginning that looks like a kernel.
  if (kernel.length !== size) {
    throw new HullError(
      'command-failed',
      `the guest kernel was decompressed to ${kernel.length} bytes in ${folder} where ${size} were expected; is the disk full, or the kernel's file damaged?`,
    );
  }
  return hasPvhEntry(kernel) ? kernel : null;
}
