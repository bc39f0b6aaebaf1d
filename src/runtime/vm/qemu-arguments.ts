import type { BlockDevice } from '../../model/root-filesystem.ts';
import { type Descriptor, Descriptors, type JailPlace } from './jail.ts';

/** Everything that decides a VM's command line. */
export interface VmShape {
  /** Shown by ps(1) and found by inventory: `hull-<tag>-<id>`. */
  readonly name: string;
  readonly accelerator: 'kvm' | 'tcg';
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly kernel: string;
  readonly initrd: string;
  readonly cmdline: string;
  readonly disks: readonly BlockDevice[];
  /** In the order of the guest's interfaces. */
  readonly networks: readonly { readonly tap: string; readonly macAddress: string }[];
  readonly shares: readonly { readonly tag: string; readonly socket: string }[];
  /** Absent for a machine: it has no agent. Log and exit record are pipes to the recorder, as the console's file is. */
  readonly agent: { readonly socket: string; readonly log: string; readonly exit: string } | null;
  /** The first serial port: a file (kernel messages), or a socket and a file (a machine's console). */
  readonly console: { readonly file: string; readonly socket?: string };
  readonly monitor: string;
  /** Wait for the monitor's word before the first instruction. */
  readonly paused: boolean;
}

export const MEBIBYTE = 1 << 20;

/** Keeps a comma from ending an option's value. */
function quote(value: string): string {
  return value.replaceAll(',', ',,');
}

/** How QEMU is started: its arguments, without the program, what it gets open, and the files that it sees beside its own. */
export interface QemuCommand {
  readonly args: readonly string[];
  readonly descriptors: readonly Descriptor[];
  readonly places: readonly JailPlace[];
}

/** Where the kernel and its initramfs are in QEMU's world. */
const KERNEL = '/kernel';
const INITRD = '/initrd';

/**
 * Everything that reaches into the host is a descriptor: QEMU has no path to open. Every device, backend and disk has an id, so that the monitor's
 * events and commands can name it. Pure.
 */
export function qemuCommand(shape: VmShape): QemuCommand {
  const open = new Descriptors();
  const args = [
    ...['-name', `guest=${quote(shape.name)}`],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ...(shape.paused ? ['-S'] : []),
    ...machine(shape),
    ...bootArguments(shape.cmdline),
    ...SANDBOX,
    ...monitorArguments(open.add({ kind: 'listen', path: shape.monitor })),
    ...consoleArguments(shape.console, open),
    ...shape.disks.flatMap((disk, index) => diskArguments(disk, index, open)),
    ...agentArguments(shape, open),
    ...shape.networks.flatMap((network, index) => networkArguments(network, index, open)),
    ...shape.shares.flatMap((share, index) => shareArguments(share, index, open)),
    ...['-object', 'rng-builtin,id=entropy'],
    ...['-device', 'virtio-rng-pci,id=rng,rng=entropy,disable-legacy=on'],
  ];
  return { args, descriptors: open.list, places: bootPlaces(shape) };
}

/** QEMU's own filter of system calls; it lies on top of the jail's. */
export const SANDBOX = [
  '-sandbox',
  'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny',
] as const;

/** The files of `bootArguments`. */
export function bootPlaces({ kernel, initrd }: Pick<VmShape, 'kernel' | 'initrd'>): JailPlace[] {
  return [
    { source: kernel, at: KERNEL },
    { source: initrd, at: INITRD },
  ];
}

export function bootArguments(cmdline: string): string[] {
  return ['-kernel', KERNEL, '-initrd', INITRD, '-append', cmdline];
}

/** A first serial port whose output is added to a file. */
export function serialFile(path: string, open: Descriptors): string[] {
  return [...outputFile('console', path, open), ...SERIAL_PORT];
}

const SERIAL_PORT = ['-device', 'isa-serial,id=serial0,chardev=console'] as const;

/** A descriptor that QEMU finds by a path: `/dev/fdset/N` (qemu(1), -add-fd). */
function descriptorSet(number: number, name: string): { readonly path: string; readonly args: string[] } {
  return {
    path: `/dev/fdset/${number}`,
    args: ['-add-fd', `fd=${number},set=${number},opaque=${name}`],
  };
}

/** A character device that adds to a file. */
function outputFile(id: string, path: string, open: Descriptors): string[] {
  const file = descriptorSet(open.add({ kind: 'append', path }), id);
  return [...file.args, '-chardev', `file,id=${id},path=${file.path},append=on`];
}

function monitorArguments(socket: number): string[] {
  return [
    ...['-chardev', `socket,id=monitor,fd=${socket},server=on,wait=off`],
    ...['-mon', 'id=qmp,chardev=monitor,mode=control'],
  ];
}

function machine(shape: VmShape): string[] {
  const memory = Math.ceil(shape.memoryBytes / MEBIBYTE);
  const accelerator =
    shape.accelerator === 'kvm'
      ? ['-accel', 'kvm', '-cpu', 'host']
      : ['-accel', 'tcg,thread=multi', '-cpu', 'max'];
  return [
    ...['-machine', 'q35,memory-backend=memory,usb=off,sata=off,smbus=off,vmport=off,hpet=off'],
    ...accelerator,
    ...['-smp', String(shape.cpus), '-m', `${memory}M`],
    // Shared memory is what virtiofsd reads and writes; a template's memory file will take its place.
    ...['-object', `memory-backend-memfd,id=memory,size=${memory}M,share=on`],
    ...['-rtc', 'base=utc,clock=host'],
  ];
}

function consoleArguments({ file, socket }: VmShape['console'], open: Descriptors): string[] {
  if (socket === undefined) return serialFile(file, open);
  const listener = open.add({ kind: 'listen', path: socket });
  const log = descriptorSet(open.add({ kind: 'append', path: file }), 'console');
  const backend = `socket,id=console,fd=${listener},server=on,wait=off,logfile=${log.path},logappend=on`;
  return [...log.args, '-chardev', backend, ...SERIAL_PORT];
}

/** Nodes `fileN` and `diskN`; of a disk that lies over another one, `baseN` as well. A backing file that the disk itself names is not opened. */
function diskArguments(disk: BlockDevice, index: number, open: Descriptors): string[] {
  const { format, readOnly, backing } = disk;
  const base = backing === undefined ? null : `base${index}`;
  const below =
    backing === undefined
      ? []
      : diskNodes({ ...backing, readOnly: true }, { file: `basefile${index}`, disk: `base${index}` }, open);
  const over = format === 'qcow2' ? { backing: base } : {};
  return [
    ...below,
    ...diskNodes(
      { path: disk.path, format, readOnly, over },
      { file: `file${index}`, disk: `disk${index}` },
      open,
    ),
    ...[
      '-device',
      `virtio-blk-pci,id=block${index},disable-legacy=on,drive=disk${index},serial=${quote(disk.serial)}`,
    ],
  ];
}

/** The file and what it is the format of. */
function diskNodes(
  disk: Pick<BlockDevice, 'path' | 'format' | 'readOnly'> & { readonly over?: object },
  nodes: { readonly file: string; readonly disk: string },
  open: Descriptors,
): string[] {
  const { path, format, readOnly, over = {} } = disk;
  const { path: filename, args } = descriptorSet(
    open.add({ kind: readOnly ? 'read' : 'write', path }),
    nodes.disk,
  );
  const common = { 'read-only': readOnly, ...(readOnly ? {} : { discard: 'unmap' }) };
  const file = { driver: 'file', 'node-name': nodes.file, filename, ...common };
  const whole = { driver: format, 'node-name': nodes.disk, file: nodes.file, ...over, ...common };
  return [...args, '-blockdev', JSON.stringify(file), '-blockdev', JSON.stringify(whole)];
}

function agentArguments({ agent }: VmShape, open: Descriptors): string[] {
  if (agent === null) return [];
  const port = (name: string): string[] => [
    '-device',
    `virtserialport,id=port-${name},bus=ports.0,chardev=${name},name=hull.${name}`,
  ];
  return [
    ...['-device', 'virtio-serial-pci,id=ports,disable-legacy=on'],
    ...[
      '-chardev',
      `socket,id=agent,fd=${open.add({ kind: 'listen', path: agent.socket })},server=on,wait=off`,
    ],
    ...port('agent'),
    ...outputFile('log', agent.log, open),
    ...port('log'),
    ...outputFile('exit', agent.exit, open),
    ...port('exit'),
  ];
}

function networkArguments(
  { tap, macAddress }: VmShape['networks'][number],
  index: number,
  open: Descriptors,
): string[] {
  return [
    ...['-netdev', `tap,id=net${index},fd=${open.add({ kind: 'tap', name: tap })},vhost=off`],
    // No option ROM: nothing boots from the network.
    ...[
      '-device',
      `virtio-net-pci,id=nic${index},disable-legacy=on,netdev=net${index},mac=${macAddress},romfile=`,
    ],
  ];
}

function shareArguments(
  { tag, socket }: VmShape['shares'][number],
  index: number,
  open: Descriptors,
): string[] {
  const connection = open.add({ kind: 'connect', path: socket });
  return [
    ...['-chardev', `socket,id=share${index},fd=${connection}`],
    ...['-device', `vhost-user-fs-pci,id=fs${index},chardev=share${index},tag=${quote(tag)},queue-size=128`],
  ];
}
