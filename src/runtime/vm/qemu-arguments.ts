import type { BlockDevice } from '../../model/root-filesystem.ts';

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

/** QEMU's arguments, without the program. Pure. */
export function qemuArguments(shape: VmShape): string[] {
  return [
    ...['-name', `guest=${quote(shape.name)}`],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ...(shape.paused ? ['-S'] : []),
    ...machine(shape),
    ...['-kernel', shape.kernel, '-initrd', shape.initrd, '-append', shape.cmdline],
    ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny'],
    ...[
      '-chardev',
      `socket,id=monitor,path=${quote(shape.monitor)},server=on,wait=off`,
      '-mon',
      'chardev=monitor,mode=control',
    ],
    ...consoleArguments(shape),
    ...shape.disks.flatMap(diskArguments),
    ...agentArguments(shape),
    ...shape.networks.flatMap(networkArguments),
    ...shape.shares.flatMap(shareArguments),
    ...['-device', 'virtio-rng-pci,disable-legacy=on'],
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

function consoleArguments(shape: VmShape): string[] {
  const { file, socket } = shape.console;
  const backend =
    socket === undefined
      ? `file,id=console,path=${quote(file)},append=on`
      : `socket,id=console,path=${quote(socket)},server=on,wait=off,logfile=${quote(file)},logappend=on`;
  return ['-chardev', backend, '-serial', 'chardev:console'];
}

/** JSON rather than options: a path may hold any byte. */
function diskArguments(disk: BlockDevice, index: number): string[] {
  const file = {
    driver: 'file',
    'node-name': `file${index}`,
    filename: disk.path,
    'read-only': disk.readOnly,
  };
  const format = {
    driver: disk.format,
    'node-name': `disk${index}`,
    file: `file${index}`,
    'read-only': disk.readOnly,
  };
  const discard = disk.readOnly ? {} : { discard: 'unmap' };
  return [
    ...['-blockdev', JSON.stringify({ ...file, ...discard })],
    ...['-blockdev', JSON.stringify({ ...format, ...discard })],
    ...['-device', `virtio-blk-pci,disable-legacy=on,drive=disk${index},serial=${quote(disk.serial)}`],
  ];
}

function agentArguments(shape: VmShape): string[] {
  if (shape.agent === null) return [];
  const { socket, log, exit } = shape.agent;
  return [
    ...['-device', 'virtio-serial-pci,disable-legacy=on'],
    ...['-chardev', `socket,id=agent,path=${quote(socket)},server=on,wait=off`],
    ...['-device', 'virtserialport,chardev=agent,name=hull.agent'],
    ...['-chardev', `file,id=log,path=${quote(log)},append=on`],
    ...['-device', 'virtserialport,chardev=log,name=hull.log'],
    ...['-chardev', `file,id=exit,path=${quote(exit)},append=on`],
    ...['-device', 'virtserialport,chardev=exit,name=hull.exit'],
  ];
}

function networkArguments({ tap, macAddress }: VmShape['networks'][number], index: number): string[] {
  return [
    ...['-netdev', `tap,id=net${index},ifname=${quote(tap)},script=no,downscript=no,vhost=off`],
    // No option ROM: nothing boots from the network.
    ...['-device', `virtio-net-pci,disable-legacy=on,netdev=net${index},mac=${macAddress},romfile=`],
  ];
}

function shareArguments(share: { readonly tag: string; readonly socket: string }, index: number): string[] {
  return [
    ...['-chardev', `socket,id=share${index},path=${quote(share.socket)}`],
    ...['-device', `vhost-user-fs-pci,chardev=share${index},tag=${quote(share.tag)},queue-size=128`],
  ];
}
