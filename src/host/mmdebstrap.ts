import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { digestOf } from '../lib/digest.ts';
import { HullError } from '../model/errors.ts';
import { formatAptSource, readAptSources, type AptSource } from './apt-sources.ts';
import type { Child, Exec } from './host.ts';
import { DEFAULT_PATH } from '../model/default-path.ts';

/** What the host's apt knows about one Debian suite. */
export interface SuiteSources {
  readonly suite: string;
  /** Those of the suite itself and of its updates and security. */
  readonly sources: readonly AptSource[];
  /** Changes whenever the sources or their contents (as apt last saw them) change. */
  readonly state: string;
  /** Seconds since the epoch of the newest contents: the age of a tree made from them. */
  readonly date: number;
}

export interface BootstrapRequest {
  readonly suite: SuiteSources;
  readonly packages: readonly string[];
  /** dpkg options: `path-exclude=…`. */
  readonly dpkgOptions: readonly string[];
  /** Shell commands, run with the tree as `$1` at the end. */
  readonly hooks: readonly string[];
  /** The same, before `packages` are installed. */
  readonly earlyHooks?: readonly string[];
  /** Steps of mmdebstrap's to leave out, e.g. `chroot/policy-rc.d` where an early hook makes that file for good. */
  readonly skip?: readonly string[];
  /** Folder for the half-made tree; made and removed by the caller. */
  readonly temporary: string;
  /** mmdebstrap's own messages, without what it says about hooks and temporary folders. */
  readonly onMessage: (message: string) => void;
  readonly signal?: AbortSignal;
}

const LISTS = '/var/lib/apt/lists';
const KEPT_LINES = 15;

/** The host's sources for a suite. Throws `not-supported` when it has none. */
export function findSuite(suite: string, folder?: string, lists = LISTS): SuiteSources {
  const all = readAptSources(folder);
  const sources = all.filter(
    ({ suite: name, components }) =>
      (name === suite || name.startsWith(`${suite}-`)) && components.length > 0,
  );
  if (!sources.some((source) => source.suite === suite)) {
    const others = [...new Set(all.map((source) => source.suite))].join(', ');
    throw new HullError(
      'not-supported',
      `this host's apt has no source for the suite ${suite} (it has: ${others === '' ? 'none' : others}); add one to /etc/apt/sources.list.d`,
    );
  }
  const releases = sources.map((source) => readRelease(source, lists));
  const dates = releases
    .map((release) => Date.parse(/^Date: (.*)$/m.exec(release)?.[1] ?? '') / 1000)
    .filter(Number.isFinite);
  const lines = sources.map(formatAptSource);
  const today = Math.floor(Date.now() / 86_400_000) * 86_400;
  return {
    suite,
    sources,
    state: digestOf(JSON.stringify([lines, releases])),
    date: dates.length > 0 ? Math.max(...dates) : today,
  };
}

/** The first suite of the host's own sources, for references that name none. */
export function defaultSuite(folder?: string): string {
  const found = readAptSources(folder).find(
    (source) => /^[a-z]+$/.test(source.suite) && source.components.includes('main'),
  );
  if (found !== undefined) return found.suite;
  throw new HullError(
    'not-supported',
    "this host's apt has no Debian source; add one to /etc/apt/sources.list.d",
  );
}

/**
 * A Debian tree as a tar stream, made by mmdebstrap from the host's own package sources: `minbase`, packages' caches removed, times cut off at
 * the sources' date. The loop rejects `command-failed` with mmdebstrap's last words; leaving it ends mmdebstrap.
 */
export async function* bootstrapTar(exec: Exec, request: BootstrapRequest): AsyncGenerator<Uint8Array> {
  const { suite, temporary, signal } = request;
  signal?.throwIfAborted();
  if (exec.which('mmdebstrap') === null)
    throw new HullError(
      'host-tool-missing',
      'the program mmdebstrap is not installed on this host; install it with: apt-get install mmdebstrap',
    );
  const child = exec.spawn(command(request), {
    stdout: 'pipe',
    stderr: 'pipe',
    env: {
      PATH: DEFAULT_PATH,
      HOME: '/root',
      LANG: 'C.UTF-8',
      TMPDIR: temporary,
      SOURCE_DATE_EPOCH: String(suite.date),
    },
  });
  const abort = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', abort, { once: true });
  const said = readLines(child, request.onMessage);
  let ended = false;
  try {
    if (child.stdout !== null) for await (const chunk of child.stdout) yield chunk as Uint8Array;
    const code = await child.exited;
    ended = true;
    signal?.throwIfAborted();
    if (code !== 0)
      throw new HullError(
        'command-failed',
        `mmdebstrap ended with status ${code}:\n${(await said).join('\n')}`,
      );
  } finally {
    signal?.removeEventListener('abort', abort);
    if (!ended) {
      child.kill('SIGKILL');
      await child.exited;
    }
  }
}

/**
 * In namespaces of its own: mmdebstrap mounts /dev, /proc and /sys of the host below the tree, and nobody must ever delete through them. They
 * and every process vanish when the first process dies, which dies with this one.
 */
const APART = [
  'setpriv',
  '--pdeathsig',
  'KILL',
  'unshare',
  '--mount',
  '--propagation',
  'private',
  '--pid',
  '--fork',
  '--kill-child',
  '--mount-proc',
];

function command({
  suite,
  packages,
  dpkgOptions,
  hooks,
  earlyHooks = [],
  skip = [],
}: BootstrapRequest): string[] {
  return [
    ...APART,
    'mmdebstrap',
    '--mode=root',
    '--variant=minbase',
    '--format=tar',
    // Frozen mirrors outlive their Release files' validity.
    '--aptopt=Acquire::Check-Valid-Until "false"',
    '--aptopt=Acquire::Languages "none"',
    '--aptopt=APT::Install-Recommends "false"',
    ...dpkgOptions.map((option) => `--dpkgopt=${option}`),
    ...(packages.length > 0 ? [`--include=${packages.join(',')}`] : []),
    ...skip.map((step) => `--skip=${step}`),
    ...earlyHooks.map((hook) => `--essential-hook=${hook}`),
    ...hooks.map((hook) => `--customize-hook=${hook}`),
    suite.suite,
    '-',
    ...suite.sources.map(formatAptSource),
  ];
}

/** Passes lines on and keeps the last ones. */
async function readLines(child: Child, onMessage: (message: string) => void): Promise<string[]> {
  const last: string[] = [];
  if (child.stderr === null) return last;
  for await (const line of createInterface({ input: child.stderr })) {
    last.push(line);
    if (last.length > KEPT_LINES) last.shift();
    const message = /^[IWE]: (?!running --|using |removing )(.*)$/.exec(line)?.[1];
    if (message !== undefined) onMessage(message);
  }
  return last;
}

/** The Release file as apt keeps it; '' when apt has none. */
function readRelease({ uri, suite }: AptSource, lists: string): string {
  const name = `${uri.replace(/^[a-z+]+:\/\//, '').replace(/\/$/, '')}/dists/${suite}/`
    .replaceAll('_', '%5f')
    .replaceAll('/', '_');
  try {
    const file = readdirSync(lists).find(
      (entry) => entry === `${name}InRelease` || entry === `${name}Release`,
    );
    return file === undefined ? '' : readFileSync(join(lists, file), 'utf8');
  } catch {
    return '';
  }
}
