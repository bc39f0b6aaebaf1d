import { readFileSync, writeFileSync } from 'node:fs';
import type { Cgroups } from '../../host/cgroup.ts';
import type { Host } from '../../host/host.ts';
import { securityModules } from '../../host/host-limits.ts';
import { messageOf } from '../../model/errors.ts';
import { Crun, Runc } from './native-runtimes.ts';
import type { OciRuntime } from './oci-runtime.ts';
import { Runsc } from './runsc.ts';

/** The programs that run containers on this host. */
export type Choice =
  | {
      readonly available: true;
      readonly conmon: string;
      readonly runtime: OciRuntime;
      readonly detail: string;
      readonly warnings: readonly string[];
    }
  | { readonly available: false; readonly reason: string };

/** crun where it can run, else runc with a warning. `runDir`: the engine's volatile folder. */
export async function chooseContainerRuntime(host: Host, cgroups: Cgroups, runDir: string): Promise<Choice> {
  const conmon = host.exec.which('conmon');
  if (conmon === null) return missing('conmon');
  const crun = host.exec.which('crun');
  const runc = host.exec.which('runc');
  const obstacle = crun === null ? 'crun is not installed' : cgroups.prepareForCrun();
  const { layout } = cgroups.facts();
  if (crun !== null && obstacle === null) {
    const root = `${runDir}/crun`;
    const words = ['--root', root, '--cgroup-manager', 'cgroupfs'];
    const runtime = new Crun(host, { program: crun, arguments: words, root }, cgroups);
    return {
      available: true,
      conmon,
      runtime,
      detail: `crun, cgroup ${layout}`,
      warnings: missingProtections(),
    };
  }
  if (runc === null)
    return {
      available: false,
      reason: `${obstacle ?? ''}, and runc is not installed either; apt-get install crun runc`,
    };
  const root = `${runDir}/runc`;
  const runtime = new Runc(host, { program: runc, arguments: ['--root', root], root });
  return {
    available: true,
    conmon,
    runtime,
    detail: `runc, cgroup ${layout}`,
    warnings: [`using runc, which starts slower: ${obstacle ?? ''}`, ...missingProtections()],
  };
}

/** What Docker's containers have by default on such a host, and this engine's have not. Pure but for its default. */
export function missingProtections({ appArmor, seccomp } = securityModules()): readonly string[] {
  return [
    ...(seccomp
      ? []
      : ['seccomp is not enabled in the kernel: containers run without a filter of system calls']),
    ...(appArmor
      ? ['containers run without an AppArmor profile, unless one is named with --security-opt apparmor=NAME']
      : []),
  ];
}

/** Ways to run a sandbox, best first: `systrap` is in newer releases only; the own network stack of older ones refuses newer kernels. */
const MODES: readonly (readonly string[])[] = [
  ['--platform=systrap', '--network=sandbox'],
  ['--platform=ptrace', '--network=sandbox'],
  ['--platform=systrap', '--network=host'],
  ['--platform=ptrace', '--network=host'],
];

/**
 * What a sandbox writes goes to its root, where it is kept and can be copied, and what is copied there is seen: newer releases put an overlay
 * of their own over it, which dies with the run, and by default nobody else is expected to write.
 */
const SHARED_ROOT = ['--overlay2=none', '--file-access=shared'] as const;

/** gVisor's runsc, if a tiny sandbox really runs. The way that worked is remembered until the next boot. */
export async function chooseSandboxRuntime(host: Host, runDir: string): Promise<Choice> {
  const conmon = host.exec.which('conmon');
  const runsc = host.exec.which('runsc');
  if (conmon === null) return missing('conmon');
  if (runsc === null) return missing('runsc');
  const memory = `${runDir}/sandbox-mode`;
  const root = `${runDir}/runsc`;
  const known = MODES.find((mode) => mode.join(' ') === readOrEmpty(memory));
  const failures = new Map<string, string>();
  for (const mode of known === undefined ? MODES : [known]) {
    const options = ['--root', root, ...SHARED_ROOT, ...mode];
    // `runsc do` shares the host's own root, which no release can with `--file-access=shared`.
    const probe = [runsc, '--root', root, ...mode];
    const failure = known === undefined ? await tryRunsc(host, probe) : null;
    if (failure !== null) {
      failures.set(mode.join(' '), failure);
      continue;
    }
    writeFileSync(memory, mode.join(' '), { mode: 0o600 });
    const runtime = new Runsc(host, { program: runsc, arguments: options, root });
    return {
      available: true,
      conmon,
      runtime,
      detail: `gVisor, ${mode.join(' ')}`,
      warnings: modeWarnings(mode),
    };
  }
  const tried = [...failures].map(([mode, failure]) => `${mode}: ${failure}`).join('; ');
  return { available: false, reason: `runsc is installed but cannot run a sandbox here (${tried})` };
}

function modeWarnings(mode: readonly string[]): string[] {
  if (!mode.includes('--network=host')) return [];
  return [
    "this release of gVisor refuses its own network stack on this kernel: sandboxes use the kernel's, each in its own namespace",
  ];
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/**
 * Runs `true` of the host in a throw-away sandbox; null when that worked, else what runsc said. Without control groups: `runsc do` makes one in
 * every hierarchy and leaves it behind, and where one is not mounted, plain folders that other runtimes take for it.
 */
async function tryRunsc(host: Host, command: readonly string[]): Promise<string | null> {
  try {
    const { code, stderr, stdout } = await host.exec.run(
      [...command, '--ignore-cgroups', 'do', '/bin/true'],
      {
        timeout: 15_000,
      },
    );
    if (code === 0) return null;
    const said = `${stderr}\n${stdout}`.trim().split('\n').at(-1) ?? '';
    return said === '' ? `status ${code}` : said.slice(-300);
  } catch (error) {
    return messageOf(error);
  }
}

function missing(program: string): Choice {
  return { available: false, reason: `${program} is not installed; apt-get install ${program}` };
}
