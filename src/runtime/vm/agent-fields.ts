import type { InstanceOptions } from '../../model/instance-options.ts';
import type { ProcessSpec } from '../../model/instance.ts';
import { readSecurity } from '../security-options.ts';

/** Fields of the agent protocol's requests: `{u16 field, u32 length, bytes}`, numbers little endian (guest/PROTOCOL.md). */
export const FIELD = {
  hostname: 1,
  domainname: 2,
  clock: 3,
  network: 4,
  file: 5,
  share: 6,
  tmpfs: 7,
  entropy: 10,
  readOnlyRoot: 11,
  privileged: 12,
  pidsLimit: 13,
  memoryLimit: 14,
  sysctl: 15,
  sharedMemory: 16,
  image: 17,
  scratch: 18,
  maskedPath: 19,
  readOnlyPath: 20,
  argument: 32,
  environment: 33,
  folder: 34,
  user: 35,
  terminal: 36,
  size: 37,
  openStdin: 38,
  capabilities: 39,
  init: 40,
  attached: 41,
  resourceLimit: 42,
  group: 43,
  noNewPrivileges: 44,
  oomScore: 45,
  path: 48,
  mode: 49,
  uid: 50,
  gid: 51,
  operation: 52,
  keepKinds: 53,
  state: 64,
  kernel: 65,
  bootMilliseconds: 66,
  workloadPid: 67,
  exitStatus: 68,
} as const;

/** Builds a payload of fields. */
export class FieldWriter {
  readonly #pieces: Uint8Array[] = [];

  bytes(field: number, value: Uint8Array): this {
    const head = Buffer.alloc(6);
    head.writeUInt16LE(field, 0);
    head.writeUInt32LE(value.length, 2);
    this.#pieces.push(head, value);
    return this;
  }

  text(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value));
  }

  number(field: number, value: number | bigint): this {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    return this.bytes(field, bytes);
  }

  flag(field: number, value: boolean): this {
    return this.number(field, value ? 1 : 0);
  }

  build(): Uint8Array {
    return Buffer.concat(this.#pieces);
  }
}

/** A START or EXEC payload. */
export function processFields(
  process: ProcessSpec,
  options: {
    openStdin: boolean;
    capabilities: bigint;
    init: boolean;
    attached: boolean;
    instance?: InstanceOptions;
  },
): Uint8Array {
  const writer = new FieldWriter();
  for (const argument of process.args) writer.text(FIELD.argument, argument);
  for (const variable of process.env) writer.text(FIELD.environment, variable);
  writer.text(FIELD.folder, process.cwd).text(FIELD.user, process.user).flag(FIELD.terminal, process.tty);
  if (process.size !== undefined) writer.bytes(FIELD.size, sizeBytes(process.size));
  addOptions(writer, options.instance ?? {});
  return writer
    .flag(FIELD.openStdin, options.openStdin)
    .number(FIELD.capabilities, options.capabilities)
    .flag(FIELD.init, options.init)
    .flag(FIELD.attached, options.attached)
    .build();
}

/** Numbers of setrlimit(2), asm-generic/resource.h. */
const RESOURCES: Readonly<Record<string, number>> = {
  ...{ cpu: 0, fsize: 1, data: 2, stack: 3, core: 4, rss: 5, nproc: 6, nofile: 7 },
  ...{ memlock: 8, locks: 10, sigpending: 11, msgqueue: 12, nice: 13, rtprio: 14, rttime: 15 },
};
const UNLIMITED = 18_446_744_073_709_551_615n;
/** Docker's default. */
const OPEN_FILES = { name: 'nofile', soft: 1_048_576, hard: 1_048_576 };

function addOptions(writer: FieldWriter, options: InstanceOptions): void {
  const asked = options.ulimits ?? [];
  const limits = asked.some(({ name }) => name === OPEN_FILES.name) ? asked : [OPEN_FILES, ...asked];
  for (const { name, soft, hard } of limits) {
    const [least, most] = [soft, hard].map((value) => (value === -1 ? UNLIMITED : value));
    writer.text(FIELD.resourceLimit, `${RESOURCES[name] ?? -1} ${least} ${most}`);
  }
  for (const group of options.groupAdd ?? []) writer.text(FIELD.group, group);
  if (readSecurity(options.securityOpt).noNewPrivileges) writer.flag(FIELD.noNewPrivileges, true);
  if (options.oomScoreAdj !== undefined) writer.text(FIELD.oomScore, String(options.oomScoreAdj));
}

/** {u16 rows, u16 columns} */
export function sizeBytes(size: { rows: number; columns: number }): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16LE(Math.min(Math.max(0, size.rows), 65_535), 0);
  bytes.writeUInt16LE(Math.min(Math.max(0, size.columns), 65_535), 2);
  return bytes;
}

/** Reads fields that the guest sent: malformed ends are ignored, of repeated fields the first counts. */
export function readFields(payload: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const view = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const fields = new Map<number, Uint8Array>();
  for (let at = 0; at + 6 <= view.length;) {
    const length = view.readUInt32LE(at + 2);
    if (length > view.length - at - 6) break;
    const field = view.readUInt16LE(at);
    if (!fields.has(field)) fields.set(field, view.subarray(at + 6, at + 6 + length));
    at += 6 + length;
  }
  return fields;
}

/** A number field, at most `max`; 0 where absent or longer. */
export function numberField(
  fields: ReadonlyMap<number, Uint8Array>,
  field: number,
  max = Number.MAX_SAFE_INTEGER,
): number {
  const bytes = fields.get(field);
  if (bytes === undefined || bytes.length > 8) return 0;
  let value = 0n;
  for (const [index, byte] of bytes.entries()) value |= BigInt(byte) << BigInt(8 * index);
  return Number(value > BigInt(max) ? BigInt(max) : value);
}
