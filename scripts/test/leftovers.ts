import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What the engine makes on a host, as one line per thing, e.g. `link hull-0a1b`. */
export type HostThings = ReadonlySet<string>;

/** What is there and could be a test engine's: things with the engine's names, and whatever belongs to the tests' own folder. */
export function hostThings(testFolder: string): HostThings {
  return new Set([
    ...mounts(testFolder),
    ...links(),
    ...tables(),
    ...cgroups(),
    ...loopDevices(testFolder),
    ...processes(testFolder),
  ]);
}

/** What has come since `before` and does not go within `patience` milliseconds: the kernel takes some things away a little later. */
export async function leftBehind(before: HostThings, testFolder: string, patience = 5000): Promise<string[]> {
  const deadline = performance.now() + patience;
  for (;;) {
    const left = [...hostThings(testFolder)].filter((thing) => !before.has(thing));
    if (left.length === 0 || performance.now() > deadline) return left.toSorted();
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Cgroup hierarchies are the host's: an engine may mount a missing one, which changes nothing for anybody else. */
function mounts(testFolder: string): string[] {
  return lines('/proc/self/mountinfo')
    .map((line) => ({ target: line.split(' ')[4] ?? '', type: line.split(' - ')[1]?.split(' ')[0] ?? '' }))
    .filter(
      ({ target, type }) =>
        !type.startsWith('cgroup') && (target.startsWith(`${testFolder}/`) || /\/hull\b/.test(target)),
    )
    .map(({ target, type }) => `mount ${target} (${type})`);
}

function links(): string[] {
  return folder('/sys/class/net')
    .filter((name) => /^(hull-|hl)[0-9a-f]{4}/.test(name))
    .map((name) => `link ${name}`);
}

function tables(): string[] {
  const listing = spawnSync('nft', ['list', 'tables'], { encoding: 'utf8' });
  return (listing.stdout ?? '')
    .split('\n')
    .filter((line) => /\bhull_[0-9a-f]{4}\b/.test(line))
    .map((line) => `nft ${line.trim()}`);
}

function cgroups(): string[] {
  const root = '/sys/fs/cgroup';
  return ['', ...folder(root)].flatMap((hierarchy) =>
    folder(join(root, hierarchy))
      .filter((name) => /^hull-[0-9a-f]{4}/.test(name))
      .map((name) => `cgroup ${join(root, hierarchy, name)}`),
  );
}

function loopDevices(testFolder: string): string[] {
  return folder('/sys/block')
    .map((name) => ({ name, file: lines(`/sys/block/${name}/loop/backing_file`)[0] ?? '' }))
    .filter(({ file }) => file.startsWith(`${testFolder}/`))
    .map(({ name, file }) => `loop device ${name} of ${file}`);
}

/** Processes of the tests, and those in any engine's cgroup. */
function processes(testFolder: string): string[] {
  return pids()
    .filter((pid) => isOf(pid, testFolder) || /\/hull-[0-9a-f]{4}\b/.test(read(`/proc/${pid}/cgroup`)))
    .map(
      (pid) => `process ${pid} ${read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim().slice(0, 200)}`,
    );
}

/** Kills the processes whose arguments or environment name the tests' folder. */
export function endProcesses(testFolder: string): void {
  for (const pid of pids().filter((each) => isOf(each, testFolder))) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Already gone.
    }
  }
}

function pids(): number[] {
  return folder('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid);
}

function isOf(pid: number, testFolder: string): boolean {
  return [`/proc/${pid}/environ`, `/proc/${pid}/cmdline`].some((path) => read(path).includes(testFolder));
}

function lines(path: string): string[] {
  return read(path).split('\n');
}

/** Empty when it is gone: what is looked at comes and goes. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function folder(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
