import type { ContainerPathStat, FilesystemChange } from '../../../api/docker-files.ts';
import type { IdResponse } from '../../../api/docker.ts';
import type { EngineApi } from '../../engine/api.ts';
import { goFileMode } from '../../lib/go-file-mode.ts';
import { HullError } from '../../model/errors.ts';
import type { FileChange, FileStat } from '../../model/files.ts';
import type { Exchange } from '../exchange.ts';
import type { Route } from '../router.ts';
import { readCommitRequest } from './commit-request.ts';

export const containerFileRoutes: readonly Route[] = [
  { method: 'HEAD', path: '/containers/:id/archive', handler: stat },
  { method: 'GET', path: '/containers/:id/archive', handler: get },
  { method: 'PUT', path: '/containers/:id/archive', handler: put },
  { method: 'GET', path: '/containers/:id/changes', handler: changes },
  { method: 'GET', path: '/containers/:id/export', handler: exportRoot },
  { method: 'POST', path: '/commit', handler: commit },
];

const STAT_HEADER = 'X-Docker-Container-Path-Stat';
const CHANGE_KINDS: Readonly<Record<FileChange['kind'], FilesystemChange['Kind']>> = {
  modified: 0,
  added: 1,
  deleted: 2,
};

async function stat(engine: EngineApi, exchange: Exchange): Promise<void> {
  const found = await engine.files.stat(exchange.param('id'), pathOf(exchange), exchange.signal);
  exchange.empty(200, { [STAT_HEADER]: statHeader(found) });
}

async function get(engine: EngineApi, exchange: Exchange): Promise<void> {
  const archive = await engine.files.get(exchange.param('id'), pathOf(exchange), exchange.signal);
  await pass(exchange, archive.stream, 'application/x-tar', { [STAT_HEADER]: statHeader(archive.stat) });
}

async function put(engine: EngineApi, exchange: Exchange): Promise<void> {
  const { query } = exchange;
  const options = {
    keepKinds: query.flag('noOverwriteDirNonDir'),
    giveToUser: query.flag('copyUIDGID'),
  };
  const { signal } = exchange;
  await engine.files.put(exchange.param('id'), pathOf(exchange), exchange.body(), options, signal);
  exchange.empty(200);
}

async function changes(engine: EngineApi, exchange: Exchange): Promise<void> {
  const found = engine.files.changes(exchange.param('id'), exchange.signal);
  await pass(exchange, changesJson(found), 'application/json');
}

/** A list piece by piece: a tree may have millions of files, or paths of millions of characters. */
async function* changesJson(found: AsyncIterable<readonly FileChange[]>): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  let before = '[';
  for await (const batch of found) {
    const items = batch.map(({ path, kind }): FilesystemChange => ({ Path: path, Kind: CHANGE_KINDS[kind] }));
    if (items.length === 0) continue;
    yield encoder.encode(`${before}${JSON.stringify(items).slice(1, -1)}`);
    before = ',';
  }
  // As Docker's daemon writes an empty list.
  yield encoder.encode(before === '[' ? 'null\n' : ']\n');
}

async function exportRoot(engine: EngineApi, exchange: Exchange): Promise<void> {
  const stream = await engine.files.export(exchange.param('id'), exchange.signal);
  await pass(exchange, stream, 'application/octet-stream');
}

async function commit(engine: EngineApi, exchange: Exchange): Promise<void> {
  const image = await engine.files.commit(await readCommitRequest(exchange), exchange.signal);
  const answer: IdResponse = { Id: image.id };
  exchange.send(answer, 201);
}

/** Headers go out with the first bytes: what fails before them is answered with a status. */
async function pass(
  exchange: Exchange,
  stream: AsyncIterable<Uint8Array>,
  contentType: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { signal } = exchange;
  const chunks = stream[Symbol.asyncIterator]();
  let next = await chunks.next();
  const sink = exchange.open(contentType, headers);
  try {
    for (; next.done !== true && !signal.aborted; next = await chunks.next()) await sink.write(next.value);
  } finally {
    await chunks.return?.();
  }
  sink.end();
}

function pathOf({ query }: Exchange): string {
  const path = query.nonEmpty('path');
  if (path !== undefined) return path;
  throw new HullError('invalid-argument', 'bad parameter: path cannot be empty');
}

function statHeader(found: FileStat): string {
  const { name, size, linkTarget } = found;
  const facts: ContainerPathStat = {
    name,
    size,
    mode: goFileMode(found.mode),
    mtime: rfc3339(found.mtime),
    linkTarget,
  };
  return Buffer.from(JSON.stringify(facts)).toString('base64');
}

const SECOND = 1_000_000_000n;
/** Years that RFC 3339 and Go can write: files may have any time. */
const LATEST = 253_402_300_799n;

/** Nanoseconds since the epoch as Go's RFC3339Nano: no zeros at the end of the fraction. */
export function rfc3339(nanoseconds: bigint): string {
  const rest = ((nanoseconds % SECOND) + SECOND) % SECOND;
  const seconds = (nanoseconds - rest) / SECOND;
  const bounded = seconds > LATEST ? LATEST : seconds < -62_135_596_800n ? -62_135_596_800n : seconds;
  const fraction = rest === 0n ? '' : `.${String(rest).padStart(9, '0').replace(/0+$/, '')}`;
  return `${new Date(Number(bounded) * 1000).toISOString().slice(0, 19)}${fraction}Z`;
}
