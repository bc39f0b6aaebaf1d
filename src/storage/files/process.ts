import { createReadStream, readFileSync, writeSync } from 'node:fs';
import { TreeSyscalls } from '../../host/tree-syscalls.ts';
import { fileChanges } from '../../lib/file-changes.ts';
import { TarParser } from '../../lib/tar/parser.ts';
import { TarError } from '../../lib/tar/types.ts';
import { meansFolder } from '../../lib/archive-path.ts';
import { HullError, messageOf } from '../../model/errors.ts';
import type { ErrorCode } from '../../model/error-codes.ts';
import type { FileChange } from '../../model/files.ts';
import { decompress, DescriptorSink } from '../compression.ts';
import { TarApplier } from '../tar-applier.ts';
import { TreeArchiver } from '../tree-archiver.ts';
import { isErrno } from '../tree-paths.ts';
import { FolderSides } from './changes.ts';
import type { FilesCall, FilesReport } from './files.ts';
import { destinationFolder, statPath } from './stat.ts';
import { enterView } from './view.ts';

const [STDIN, STDOUT, STDERR] = [0, 1, 2];
const CHUNK = 256 * 1024;
/** Characters of paths that are told together: a line that is read in one turn. */
const BATCH = 64 * 1024;
const CHANGE_OVERHEAD = 32;

/** Finds a user of the instance's by its account files. */
export type ResolveUser = (
  text: string,
  files: { passwd: string; group: string },
) => { uid: number; gid: number };

/**
 * `hull internal files CALL`: one request about an instance's files, in a process that sees nothing else. CALL is `FilesCall` as JSON. Archives
 * go over standard input and output, reports to standard error. Resolves to the exit status.
 */
export async function filesMain(argv: readonly string[], resolveUser: ResolveUser): Promise<number> {
  try {
    const call = JSON.parse(argv[0] ?? '') as FilesCall;
    const syscalls = new TreeSyscalls();
    process.umask(0);
    enterView(call.view, call.operation.verb === 'write' ? 'write' : 'read');
    await carryOut(call, syscalls, resolveUser);
    return 0;
  } catch (error) {
    report({ kind: 'failed', ...explain(error) });
    return 1;
  }
}

async function carryOut(
  { view, operation }: FilesCall,
  syscalls: TreeSyscalls,
  resolveUser: ResolveUser,
): Promise<void> {
  switch (operation.verb) {
    case 'stat':
      reportStat(statPath(operation.path).stat);
      break;
    case 'read':
      read(syscalls, operation.path);
      break;
    case 'write':
      await write(syscalls, view, operation, resolveUser);
      break;
    case 'changes': {
      reportChanges(fileChanges(new FolderSides(syscalls, '/upper', '/lower')));
    }
  }
  report({ kind: 'done' });
}

function read(syscalls: TreeSyscalls, given: string): void {
  const { stat, place } = statPath(given);
  reportStat(stat);
  const archiver = new TreeArchiver(syscalls, {
    mode: 'plain',
    path: place.path,
    name: place.name,
    follow: meansFolder(place),
    live: true,
  });
  const sink = new DescriptorSink(STDOUT);
  for (const chunk of archiver.archive()) sink.write(chunk);
}

async function write(
  syscalls: TreeSyscalls,
  view: FilesCall['view'],
  { path, keepKinds, owner, readOnlyRoot }: FilesCall['operation'] & { verb: 'write' },
  resolveUser: ResolveUser,
): Promise<void> {
  const mounts = view.kind === 'layers' ? [] : view.mounts;
  const visible = view.kind === 'folder' ? mounts.filter(({ source }) => source !== '') : mounts;
  const into = destinationFolder(path, visible, readOnlyRoot);
  const options = { mode: 'copy', into, keepKinds } as const;
  const user = owner === undefined || owner === '' ? null : resolveUser(owner, accountFiles());
  const applier = new TarApplier(syscalls, user === null ? options : { ...options, owner: user });
  const input = createReadStream('', { fd: STDIN, highWaterMark: CHUNK, autoClose: false });
  const { stream } = await decompress(input, () => undefined);
  const parser = new TarParser();
  for await (const chunk of stream) for (const event of parser.push(chunk)) applier.apply(event);
  parser.finish();
  applier.finish();
}

function accountFiles(): { passwd: string; group: string } {
  const textOf = (path: string): string => {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return '';
    }
  };
  return { passwd: textOf('/etc/passwd'), group: textOf('/etc/group') };
}

function reportStat({ mtime, ...stat }: ReturnType<typeof statPath>['stat']): void {
  report({ kind: 'stat', stat: { ...stat, mtime: String(mtime) } });
}

function reportChanges(found: Iterable<FileChange>): void {
  let [changes, size]: [FileChange[], number] = [[], 0];
  for (const change of found) {
    changes.push(change);
    size += change.path.length + CHANGE_OVERHEAD;
    if (size < BATCH) continue;
    report({ kind: 'changes', changes });
    [changes, size] = [[], 0];
  }
  if (changes.length > 0) report({ kind: 'changes', changes });
}

function report(line: FilesReport): void {
  const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
  for (let at = 0; at < bytes.length;) at += writeSync(STDERR, bytes, at);
}

/** What a tree that is somebody else's, or a hostile archive, can bring about. */
const PROVOKED = [
  'ENOTDIR',
  'ELOOP',
  'ENAMETOOLONG',
  'EISDIR',
  'EINVAL',
  'ENOENT',
  'EEXIST',
  'ENOTEMPTY',
  'EMLINK',
];

function explain(error: unknown): { code: ErrorCode; message: string } {
  const message = messageOf(error);
  const is = (codes: readonly string[]): boolean => codes.some((code) => isErrno(error, code));
  if (error instanceof HullError) return { code: error.code, message };
  if (error instanceof TarError) return { code: 'archive-invalid', message };
  if (is(['ENOSPC', 'EDQUOT'])) return { code: 'no-space', message };
  if (is(['EROFS', 'EACCES', 'EPERM', 'EBUSY'])) return { code: 'denied', message };
  return { code: is(PROVOKED) ? 'archive-invalid' : 'internal', message };
}
