import type { Readable } from 'node:stream';
import type { Child, Host } from '../host/host.ts';
import { selfCommand } from '../host/self.ts';
import { decodeBytes } from '../lib/byte-text.ts';
import { concat } from '../lib/streams.ts';
import { HullError } from '../model/errors.ts';
import type { ConfinedReport } from './confined-report.ts';
import { feed } from './feed.ts';
import type {
  ArchiveOptions,
  ArchiveResult,
  ExtractOptions,
  ExtractResult,
  TreeCall,
  Trees,
} from './trees.ts';

/** A call, and the command that runs hull again (default: this program's own). */
export interface ConfinedCall extends TreeCall {
  readonly self?: readonly string[];
}

/** The trees of this host; `self` as in `ConfinedCall`. */
export function createTrees(host: Host, self: readonly string[] = selfCommand()): Trees {
  return {
    extract: (stream, root, options, call) => extractTar(host, stream, root, options, { ...call, self }),
    archive: (root, options, call) => archiveStream(host, root, options, { ...call, self }),
    archiveTo: (root, options, call) => archiveTree(host, root, options, { ...call, self }),
  };
}

const STDERR_LIMIT = 64 * 1024;

/**
 * Unpacks a tar stream (plain, gzip, zstd) into `root` in a process of its own that cannot leave it. Rejects `archive-invalid` or `no-space`;
 * what was unpacked until then stays for the caller to remove. An error of the stream itself is passed on.
 */
export async function extractTar(
  host: Host,
  stream: AsyncIterable<Uint8Array>,
  root: string,
  options: ExtractOptions,
  call: ConfinedCall = {},
): Promise<ExtractResult> {
  const child = start(host, 'extract', root, { ...options, blob: call.output !== undefined }, call, 'pipe');
  const said = readTail(child.stderr);
  const sourceError = await feed(child, stream);
  if (sourceError !== null) child.kill('SIGKILL');
  await child.exited;
  const report = await said;
  if (sourceError !== null) throw sourceError;
  call.signal?.throwIfAborted();
  return resultOf<ExtractResult>(report, `cannot unpack into ${root}`);
}

/** Archives a tree into the file descriptor `call.output`, with the same confinement. Rejects `path-not-found`, `no-space`. */
async function archiveTree(
  host: Host,
  root: string,
  options: ArchiveOptions,
  call: ConfinedCall & { output: number },
): Promise<ArchiveResult> {
  const child = start(host, 'archive', root, options, call, 'ignore');
  const said = readTail(child.stderr);
  await child.exited;
  call.signal?.throwIfAborted();
  return resultOf<ArchiveResult>(await said, `cannot archive ${root}`);
}

/** Archives a tree as a stream. Leaving the loop early ends the process. Rejects in the loop, as `archiveTree`. */
export async function* archiveStream(
  host: Host,
  root: string,
  options: ArchiveOptions,
  call: ConfinedCall = {},
): AsyncGenerator<Uint8Array> {
  const child = start(host, 'archive', root, options, call, 'ignore');
  const said = readTail(child.stderr);
  try {
    if (child.stdout !== null) for await (const chunk of child.stdout) yield chunk as Uint8Array;
    await child.exited;
    call.signal?.throwIfAborted();
    resultOf<ArchiveResult>(await said, `cannot archive ${root}`);
  } finally {
    child.kill('SIGKILL');
  }
}

function start(
  host: Host,
  verb: string,
  root: string,
  options: object,
  call: ConfinedCall,
  stdin: 'pipe' | 'ignore',
): Child {
  call.signal?.throwIfAborted();
  const stdout = call.output ?? (verb === 'archive' ? 'pipe' : 'ignore');
  const child = host.exec.spawn(
    [...(call.self ?? selfCommand()), 'internal', verb, root, JSON.stringify(options)],
    { stdin, stdout, stderr: 'pipe' },
  );
  const abort = () => child.kill('SIGKILL');
  call.signal?.addEventListener('abort', abort, { once: true });
  void child.exited.then(() => call.signal?.removeEventListener('abort', abort));
  return child;
}

async function readTail(stream: Readable | null): Promise<string> {
  let tail: Uint8Array = new Uint8Array(0);
  if (stream === null) return '';
  for await (const chunk of stream) tail = concat([tail, chunk as Uint8Array]).slice(-STDERR_LIMIT);
  return decodeBytes(tail).trim();
}

function resultOf<T>(said: string, what: string): T {
  const report = parseReport<T>(said);
  if (report === null)
    throw new HullError(
      'internal',
      `${what}: the process died${said === '' ? '' : `: ${said.slice(-1000)}`}`,
    );
  if (report.ok) return report.result;
  const codes = {
    archive: 'archive-invalid',
    'no-space': 'no-space',
    'not-found': 'path-not-found',
    other: 'internal',
  } as const;
  throw new HullError(
    codes[report.reason],
    report.reason === 'not-found' ? report.message : `${what}: ${report.message}`,
  );
}

/** The report is one line; work that it no longer waited for may have said something of its own around it. */
function parseReport<T>(said: string): ConfinedReport<T> | null {
  for (const line of said.split('\n')) {
    try {
      if (line.startsWith('{"ok":')) return JSON.parse(line) as ConfinedReport<T>;
    } catch {
      // Not a report: a crash's own words, which the caller quotes.
    }
  }
  return null;
}
