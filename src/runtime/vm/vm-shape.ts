import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { HullError } from '../../model/errors.ts';
import { cpuBandwidth, type Resources } from '../../model/resources.ts';
import type { Bundle } from '../runtime.ts';
import { MEBIBYTE, type VmShape } from './qemu-arguments.ts';
import type { LaunchBundle, LaunchContext } from './launch.ts';
import type { Share } from './shares.ts';
import { tapOf } from './tap.ts';
import { runFiles } from './vm-record.ts';

const DEFAULT_MEMORY = 256 * MEBIBYTE;
/** What the guest's kernel and agent need beside the workload: a limit is the workload's, as it is a container's. */
const GUEST_OVERHEAD = 96 * MEBIBYTE;
/** Docker's own lower bound. */
const LEAST_MEMORY = 6 * MEBIBYTE;
const MACHINE_MEMORY = 512 * MEBIBYTE;

/** Calibrations against another clock, which a busy host upsets: a kernel that fails at them panics or runs on a clock that jumps. */
const TIMER_OPTIONS = ['no_timer_check', 'tsc=reliable'];

/**
 * The counter's rate, measured on the host: a guest that measures it against an emulated timer while its host is busy is wrong by any factor, and so
 * is every clock it has. Kernels before 5.9 do not know `tsc_early_khz` and measure.
 */
function timerOptions({ counterRate }: LaunchContext['acceleration']): string[] {
  return counterRate === null ? TIMER_OPTIONS : [...TIMER_OPTIONS, `tsc_early_khz=${counterRate}`];
}
/** `docs/decisions/vm-boot.md` has what each of these gains. */
const KERNEL_OPTIONS = [
  'console=ttyS0',
  'quiet',
  'panic=-1',
  'random.trust_cpu=on',
  'cryptomgr.notests',
  '8250.nr_uarts=1',
];
/** The mitigations guard guest processes from each other against the processor's side channels: emulation has none of these. */
const TCG_OPTIONS = ['mitigations=off'];

/** Guest memory, bytes. Rejects `invalid-argument` for what cannot be. */
export function memoryOf(bundle: Pick<Bundle, 'resources' | 'root'>): number {
  const { memory } = bundle.resources;
  if (memory !== undefined && memory < LEAST_MEMORY) {
    throw new HullError(
      'invalid-argument',
      `the memory limit is ${memory} bytes; the least is ${LEAST_MEMORY / MEBIBYTE} MiB`,
    );
  }
  const isMachine = bundle.root.kind === 'block' && bundle.root.root.layout === 'machine';
  const wanted = isMachine
    ? (memory ?? MACHINE_MEMORY)
    : memory === undefined
      ? DEFAULT_MEMORY
      : memory + GUEST_OVERHEAD;
  if (wanted > totalmem()) {
    throw new HullError(
      'invalid-argument',
      `the VM needs ${Math.ceil(wanted / MEBIBYTE)} MiB of memory, the host has ${Math.floor(totalmem() / MEBIBYTE)}`,
    );
  }
  return Math.ceil(wanted / MEBIBYTE) * MEBIBYTE;
}

/** Virtual CPUs: what was asked for, rounded up; one by default, since emulated CPUs cost start-up time and rarely run in parallel well. */
function cpusOf(bundle: Pick<Bundle, 'resources'>): number {
  const { quota, period = 100_000 } = cpuBandwidth(bundle.resources);
  return quota === undefined ? 1 : Math.max(1, Math.ceil(quota / period));
}

/** A guest's CPUs, memory and its limit of processes were given to it at its boot. */
export function refuseGuestChanges(
  { name, resources }: Pick<Bundle, 'name' | 'resources'>,
  wanted: Resources,
): void {
  const change = (what: string): never => {
    throw new HullError(
      'not-supported',
      `${what} of the VM ${name} cannot change while it runs: the guest got it at its boot; stop it, then update it`,
    );
  };
  if (wanted.memory !== resources.memory) change('Memory');
  if ((wanted.pidsLimit ?? 0) !== (resources.pidsLimit ?? 0)) change('PidsLimit');
  const cpus = cpusOf({ resources });
  if (cpusOf({ resources: wanted }) > cpus) change(`The number of CPUs (${cpus})`);
}

/** How QEMU is to be started for a bundle. */
export function shapeOf(
  bundle: LaunchBundle,
  { name, acceleration, guest, purpose }: Pick<LaunchContext, 'name' | 'acceleration' | 'guest' | 'purpose'>,
  shares: readonly Share[],
): VmShape {
  if (bundle.root.kind !== 'block') throw new HullError('internal', 'a VM was given mounts for its root');
  const { root } = bundle.root;
  const links = bundle.network.mode === 'host' ? [] : bundle.network.links;
  const common = {
    name,
    accelerator: acceleration.accelerator,
    memoryBytes: memoryOf(bundle),
    cpus: cpusOf(bundle),
    networks: links.map(({ macAddress }, index) => ({ tap: tapOf(index), macAddress })),
    shares: shares.map(({ tag, socket }) => ({ tag, socket })),
    monitor: runFiles.monitor(bundle.runDir),
  };
  if (root.layout === 'machine') return machineShape(bundle, root, common, timerOptions(acceleration));
  if (guest === null) throw new HullError('internal', 'a VM was given no kernel');
  const timers = timerOptions(acceleration);
  const tcg = acceleration.accelerator === 'tcg' ? TCG_OPTIONS : [];
  const files = purpose === 'files' ? ['hull.files=1'] : [];
  return {
    ...common,
    kernel: guest.kernel,
    initrd: guest.initrd,
    cmdline: [...KERNEL_OPTIONS, ...timers, ...tcg, ...files].join(' '),
    disks: [root.image, root.scratch],
    paused: false,
    agent: {
      socket: runFiles.agent(bundle.runDir),
      log: runFiles.logPipe(bundle.runDir),
      exit: runFiles.exitPipe(bundle.runDir),
    },
    console: { file: runFiles.consolePipe(bundle.runDir) },
  };
}

type MachineRoot = Extract<Extract<Bundle['root'], { kind: 'block' }>['root'], { layout: 'machine' }>;

/** A machine has no agent: its address goes to a unit inside it by the kernel's command line (storage/machine-network.ts). */
function machineShape(
  bundle: LaunchBundle,
  root: MachineRoot,
  common: Omit<VmShape, 'kernel' | 'initrd' | 'cmdline' | 'disks' | 'agent' | 'console' | 'paused'>,
  timers: readonly string[],
): VmShape {
  const link = bundle.network.mode === 'host' ? null : (bundle.network.links[0] ?? null);
  const nameservers = [
    ...readFileSync(bundle.files.resolvConf, 'utf8').matchAll(/^nameserver\s+(\S+)/gm),
  ].map((match) => match[1]);
  const network =
    link === null
      ? []
      : [
          `hull.ip=${link.address}/${link.prefixLength}`,
          `hull.gw=${link.gateway}`,
          `hull.mac=${link.macAddress}`,
          `hull.mtu=${link.mtu}`,
          ...(nameservers.length > 0 ? [`hull.dns=${nameservers.join(',')}`] : []),
        ];
  return {
    ...common,
    kernel: root.kernel,
    initrd: root.initrd,
    cmdline: [
      root.cmdline,
      'console=ttyS0',
      'panic=-1',
      ...timers,
      ...network,
      `hull.hostname=${bundle.hostname}`,
    ].join(' '),
    disks: [root.disk],
    paused: true,
    agent: null,
    console: { file: runFiles.consolePipe(bundle.runDir), socket: runFiles.consoleSocket(bundle.runDir) },
  };
}
