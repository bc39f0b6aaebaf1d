import { isGoFolder, isGoLink } from '../../lib/go-file-mode.ts';
import { packTar, readTar, type TarInput } from '../../lib/tar/archive.ts';
import { readArchivePath } from '../../lib/archive-path.ts';
import { tap } from '../../lib/streams.ts';
import type { CommandContext } from '../command.ts';
import { CommandFailure, UsageError } from '../usage-error.ts';
import { localSource } from './local-source.ts';
import { LocalTarget, localDestination } from './local-target.ts';
import type { Operand } from './operand.ts';
import { planCopy, renamed, sourceOf, type CopyDestination, type CopySource } from './plan.ts';

export interface CopyOptions {
  /** Keep the owners that the source has (or, into an instance, those of the user that it runs as). */
  readonly archive: boolean;
  /** Follow a link that the source is. */
  readonly follow: boolean;
}

/** What is to be copied: how it is named, and its members under that name. */
interface Opened {
  readonly source: CopySource;
  readonly members: () => AsyncIterable<TarInput>;
}

type InstanceOperand = Operand & { kind: 'instance' };

/** Copies. Resolves to the bytes that went over; rejects with `CommandFailure`, `UsageError`, `ApiError`. */
export async function copy(
  context: CommandContext,
  from: Operand,
  to: Operand,
  options: CopyOptions,
): Promise<number> {
  if (from.kind !== 'instance' && to.kind !== 'instance')
    throw new UsageError('one of the two must be in an instance: NAME:PATH');
  if (from.kind === 'stream' && to.kind === 'instance') return await fromInput(context, to, options);
  if (from.kind === 'instance' && to.kind === 'stream') return await toOutput(context, from, options);
  const opened =
    from.kind === 'instance' ? await openInstance(context, from, options) : openLocal(context, from, options);
  if (to.kind === 'instance') return await intoInstance(context, opened, to, options);
  return await intoLocal(context, opened, to, options);
}

function openLocal({ io }: CommandContext, from: Operand, { follow }: CopyOptions): Opened {
  const path = from.kind === 'local' ? from.path : '';
  const local = localSource(io.cwd, path, follow);
  const named = sourceOf(path.startsWith('/') ? path : `${io.cwd}/${path}`, local.folder);
  const source = named.name === '/' ? { ...named, name: '.', contents: true } : named;
  return { source, members: () => local.members(source.name) };
}

async function openInstance(
  { client }: CommandContext,
  from: InstanceOperand,
  { follow }: CopyOptions,
): Promise<Opened> {
  const { instance } = from;
  const first = await client.files.stat(instance, from.path);
  const target = follow && first !== null && isGoLink(first.mode) ? first.linkTarget : from.path;
  const { stat, body } = await client.files.get(instance, target);
  const base = readArchivePath(target).name;
  const source = sourceOf(from.path, isGoFolder(stat.mode));
  // The root has no name of its own: what is in it is meant.
  const shown = source.name === '/' ? { ...source, name: '.', contents: true } : source;
  return { source: shown, members: () => renamed(readTar(body), base, shown.name) };
}

async function intoInstance(
  { client }: CommandContext,
  { source, members }: Opened,
  to: InstanceOperand,
  { archive }: CopyOptions,
): Promise<number> {
  const plan = planCopy(source, await instanceDestination(client, to));
  let bytes = 0;
  const stream = tap(packTar(renamed(members(), source.name, plan.name)), (chunk) => (bytes += chunk.length));
  await client.files.put(to.instance, plan.folder, stream, { copyUIDGID: archive });
  return bytes;
}

async function intoLocal(
  { io }: CommandContext,
  { source, members }: Opened,
  to: Operand,
  { archive }: CopyOptions,
): Promise<number> {
  const plan = planCopy(source, localDestination(io.cwd, to.kind === 'local' ? to.path : ''));
  const skipped = (text: string): void => io.err(`hull: ${text}\n`);
  const target = new LocalTarget(plan.folder, { keepOwner: archive, skipped });
  await target.unpack(renamed(members(), source.name, plan.name));
  return target.written;
}

/** As docker, a link at the end is followed to where it leads. */
async function instanceDestination(
  client: CommandContext['client'],
  { instance, path }: InstanceOperand,
): Promise<CopyDestination> {
  const asked = path.startsWith('/') ? path : `/${path}`;
  const first = await client.files.stat(instance, asked);
  const linked = first !== null && isGoLink(first.mode);
  const place = linked ? first.linkTarget : asked;
  const found = linked ? await client.files.stat(instance, place) : first;
  return { path: place, found: found === null ? null : isGoFolder(found.mode) ? 'folder' : 'other' };
}

async function fromInput(
  { io, client }: CommandContext,
  to: InstanceOperand,
  { archive }: CopyOptions,
): Promise<number> {
  const { path, found } = await instanceDestination(client, to);
  if (found === 'other')
    throw new CommandFailure(1, `destination "${to.instance}:${to.path}" must be a directory`);
  let bytes = 0;
  const input = tap(io.input(), (chunk) => (bytes += chunk.length));
  await client.files.put(to.instance, path, input, { copyUIDGID: archive });
  return bytes;
}

async function toOutput(
  { io, client }: CommandContext,
  from: InstanceOperand,
  { follow }: CopyOptions,
): Promise<number> {
  const first = follow ? await client.files.stat(from.instance, from.path) : null;
  const path = first !== null && isGoLink(first.mode) ? first.linkTarget : from.path;
  const { body } = await client.files.get(from.instance, path);
  let bytes = 0;
  for await (const chunk of body) {
    io.out(chunk);
    bytes += chunk.length;
  }
  return bytes;
}
