import { describe, expect, test } from 'bun:test';
import { ownerOf } from './inventory.ts';
import { qemuCommand, type VmShape } from './qemu-arguments.ts';

const SHAPE: VmShape = {
  name: 'hull-1a2b-cafe',
  accelerator: 'tcg',
  memoryBytes: 256 << 20,
  cpus: 1,
  kernel: '/k',
  initrd: '/i',
  cmdline: 'quiet',
  disks: [{ path: '/data/a,b.erofs', format: 'raw', readOnly: true, serial: 'image' }],
  networks: [{ tap: 'hull-tap', macAddress: '02:42:0a:00:00:02' }],
  shares: [{ tag: 's0', socket: '/run/s0.sock' }],
  agent: { socket: '/run/agent.sock', log: '/data/log', exit: '/run/exit' },
  console: { file: '/run/console' },
  monitor: '/run/qmp.sock',
  paused: false,
};

/** The values of one option. */
function values(args: readonly string[], option: string): string[] {
  return args.flatMap((argument, index) => (args[index - 1] === option ? [argument] : []));
}

const qemuArguments = (shape: VmShape): readonly string[] => qemuCommand(shape).args;

describe('QEMU’s arguments', () => {
  test('a read-only disk is read-only in every layer, and every file is a descriptor', () => {
    const { args, descriptors } = qemuCommand(SHAPE);
    const number =
      3 + descriptors.findIndex((one) => one.kind === 'read' && one.path === SHAPE.disks[0]?.path);
    expect(values(args, '-add-fd')).toContain(`fd=${number},set=${number},opaque=disk0`);
    const [file, disk] = values(args, '-blockdev').map((text): unknown => JSON.parse(text));
    expect(file).toEqual({
      driver: 'file',
      'node-name': 'file0',
      filename: `/dev/fdset/${number}`,
      'read-only': true,
    });
    expect(disk).toEqual({ driver: 'raw', 'node-name': 'disk0', file: 'file0', 'read-only': true });
  });

  test('a disk lies over what storage says, and not over what the disk says', () => {
    const over = { path: '/d/s.qcow2', format: 'qcow2', readOnly: false, serial: 's' } as const;
    const top = (disk: VmShape['disks'][number]): unknown =>
      JSON.parse(values(qemuArguments({ ...SHAPE, disks: [disk] }), '-blockdev').at(-1) ?? '');
    expect(top(over)).toMatchObject({ backing: null });
    expect(top({ ...over, backing: { path: '/d/empty', format: 'raw' } })).toMatchObject({
      backing: 'base0',
    });
    const { descriptors } = qemuCommand({
      ...SHAPE,
      disks: [{ ...over, backing: { path: '/d/empty', format: 'raw' } }],
    });
    expect(descriptors).toContainEqual({ kind: 'read', path: '/d/empty' });
    expect(descriptors).toContainEqual({ kind: 'write', path: '/d/s.qcow2' });
  });

  test('the sandbox is on, memory is shared', () => {
    const args = qemuArguments(SHAPE);
    expect(values(args, '-sandbox')).toEqual([
      'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny',
    ]);
    expect(values(args, '-object')[0]).toBe('memory-backend-memfd,id=memory,size=256M,share=on');
    expect(args).not.toContain('-S');
  });

  test('no path of the host is among them, and every device and backend has an id of its own', () => {
    for (const shape of [
      SHAPE,
      { ...SHAPE, agent: null, console: { file: '/run/c', socket: '/run/c.sock' } },
    ]) {
      const args = qemuArguments(shape);
      expect(args.join(' ')).not.toMatch(/\/(run|data|k |i )/);
      for (const option of ['-device', '-netdev', '-chardev', '-object', '-mon']) {
        const ids = values(args, option).map((value) => /(?:^|,)id=([\w-]+)/.exec(value)?.[1]);
        expect(ids).not.toContain(undefined);
        expect(new Set(ids).size).toBe(ids.length);
      }
      // A drive or serial port given the short way has a device without a name.
      for (const option of ['-drive', '-serial', '-nic', '-net']) expect(args).not.toContain(option);
    }
  });

  test('a machine waits, has no agent, and a console that can be typed on', () => {
    const args = qemuArguments({
      ...SHAPE,
      agent: null,
      paused: true,
      networks: [],
      shares: [],
      console: { file: '/run/c', socket: '/run/c.sock' },
    });
    expect(args).toContain('-S');
    expect(args.join(' ')).not.toContain('hull.agent');
    expect(args.join(' ')).not.toContain('tap');
    expect(values(args, '-chardev')[1]).toBe(
      'socket,id=console,fd=4,server=on,wait=off,logfile=/dev/fdset/5,logappend=on',
    );
  });

  test('KVM gets the host’s processor, emulation everything it can do', () => {
    expect(values(qemuArguments({ ...SHAPE, accelerator: 'kvm' }), '-cpu')).toEqual(['host']);
    expect(values(qemuArguments(SHAPE), '-cpu')).toEqual(['max']);
  });

  test('the process is found again by its name, and not taken for another engine’s', () => {
    const identity = { tag: '1a2b', dataDir: '/d', runDir: '/run/hull' };
    expect(ownerOf(['/usr/bin/qemu-system-x86_64', ...qemuArguments(SHAPE)], identity)).toBe('cafe');
    expect(
      ownerOf(['/usr/bin/qemu-system-x86_64', ...qemuArguments(SHAPE)], { ...identity, tag: '1a2c' }),
    ).toBeNull();
    const id = 'ab'.repeat(32);
    expect(
      ownerOf(['/usr/lib/qemu/virtiofsd', '--fd=3', '-o', `source=/hull-1a2b-${id}/s0,xattr`], identity),
    ).toBe(id);
    expect(ownerOf(['/usr/libexec/virtiofsd', `--shared-dir=/hull-1a2b-${id}/s12`], identity)).toBe(id);
    expect(ownerOf(['/usr/lib/virtiofsd', `--shared-dir=/hull-1a2c-${id}/s0`], identity)).toBeNull();
    expect(ownerOf(['vi', 'qemu-system-x86_64', '-name', 'guest=hull-1a2b-cafe'], identity)).toBeNull();
  });
});
