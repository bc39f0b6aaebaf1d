import { describe, expect, test } from 'bun:test';
import { ownerOf } from './inventory.ts';
import { qemuArguments, type VmShape } from './qemu-arguments.ts';

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

describe('QEMU’s arguments', () => {
  test('a read-only disk is read-only in every layer, and its path may hold a comma', () => {
    const [file, disk] = values(qemuArguments(SHAPE), '-blockdev').map((text): unknown => JSON.parse(text));
    expect(file).toEqual({
      driver: 'file',
      'node-name': 'file0',
      filename: '/data/a,b.erofs',
      'read-only': true,
    });
    expect(disk).toEqual({ driver: 'raw', 'node-name': 'disk0', file: 'file0', 'read-only': true });
  });

  test('options are quoted, the sandbox is on, memory is shared', () => {
    const args = qemuArguments({ ...SHAPE, monitor: '/run/q,mp.sock' });
    expect(values(args, '-chardev')[0]).toContain('path=/run/q,,mp.sock,');
    expect(values(args, '-sandbox')).toEqual(['on,obsolete=deny,elevateprivileges=deny,spawn=deny']);
    expect(values(args, '-object')).toEqual(['memory-backend-memfd,id=memory,size=256M,share=on']);
    expect(args).not.toContain('-S');
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
      'socket,id=console,path=/run/c.sock,server=on,wait=off,logfile=/run/c,logappend=on',
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
      ownerOf(['/usr/lib/qemu/virtiofsd', '-f', `--socket-path=/run/hull/${id}/s0.sock`], identity),
    ).toBe(id);
    expect(
      ownerOf(['/usr/lib/qemu/virtiofsd', `--socket-path=/run/other/${id}/s0.sock`], identity),
    ).toBeNull();
    expect(ownerOf(['vi', 'qemu-system-x86_64', '-name', 'guest=hull-1a2b-cafe'], identity)).toBeNull();
  });
});
