import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { InstanceOptions } from '../../model/instance-options.ts';
import type { InstanceMount } from '../../model/instance.ts';
import type { Resources } from '../../model/resources.ts';
import type { Bundle } from '../runtime.ts';
import { readSecurity } from '../security-options.ts';
import type { OciMount, OciSpec } from './oci.ts';
import { checkedPropagation } from './propagation.ts';
import { parseSeccompProfile, resolveSeccomp } from './seccomp.ts';
import { buildSpec, type SpecFacts } from './spec.ts';
import { SAMPLE_BUNDLE, SAMPLE_FACTS } from './testing/sample-spec.ts';
import { resolveGroups } from './user.ts';

function build(bundle: Partial<Bundle> = {}, facts: Partial<SpecFacts> = {}): OciSpec {
  return buildSpec({ ...SAMPLE_BUNDLE, ...bundle }, { ...SAMPLE_FACTS, ...facts });
}
const withOptions = (options: InstanceOptions, facts: Partial<SpecFacts> = {}) => build({ options }, facts);
const mountAt = (spec: OciSpec, place: string): OciMount | undefined =>
  spec.mounts.find(({ destination }) => destination === place);
const types = (spec: OciSpec) => spec.linux.namespaces.map(({ type }) => type);

describe('each option is in the specification', () => {
  test.each<[InstanceOptions, (spec: OciSpec) => unknown, unknown]>([
    [
      { ulimits: [{ name: 'core', soft: 0, hard: -1 }] },
      (spec) => spec.process.rlimits.at(-1),
      { type: 'RLIMIT_CORE', soft: 0, hard: 18_446_744_073_709_551_615n },
    ],
    [
      { ulimits: [{ name: 'nofile', soft: 10, hard: 20 }] },
      (spec) => spec.process.rlimits,
      [{ type: 'RLIMIT_NOFILE', soft: 10, hard: 20 }],
    ],
    [{ oomScoreAdj: 100 }, (spec) => spec.process.oomScoreAdj, 100],
    [{ sysctls: { 'net.ipv4.ip_forward': '1' } }, (spec) => spec.linux.sysctl?.['net.ipv4.ip_forward'], '1'],
    [{ maskedPaths: [] }, (spec) => spec.linux.maskedPaths, []],
    [{ readonlyPaths: ['/x'] }, (spec) => spec.linux.readonlyPaths, ['/x']],
    [{ pidMode: 'host' }, (spec) => types(spec).includes('pid'), false],
    [{ ipcMode: 'host' }, (spec) => types(spec).includes('ipc'), false],
    [{ ipcMode: 'none' }, (spec) => mountAt(spec, '/dev/shm'), undefined],
    [{ utsMode: 'host' }, (spec) => [types(spec).includes('uts'), spec.hostname], [false, undefined]],
    [{ cgroupnsMode: 'host' }, (spec) => types(spec).includes('cgroup'), false],
    [{ shmSize: 4096 }, (spec) => mountAt(spec, '/dev/shm')?.options.at(-1), 'size=4096'],
    [{ annotations: { a: 'b' } }, (spec) => spec.annotations, { a: 'b' }],
    [
      { deviceCgroupRules: ['c 1:* rw'] },
      (spec) => spec.linux.resources.devices.at(-1),
      { allow: true, type: 'c', major: 1, access: 'rw' },
    ],
  ])('%j', (options, part, expected) => {
    expect(part(withOptions(options))).toEqual(expected);
  });

  test('namespaces of another instance by path', () => {
    const spec = withOptions({}, { joined: { pid: '/proc/7/ns/pid' }, sharedMemory: '/run/y/shm' });
    expect(spec.linux.namespaces).toContainEqual({ type: 'pid', path: '/proc/7/ns/pid' });
    expect(mountAt(spec, '/dev/shm')).toMatchObject({ type: 'bind', source: '/run/y/shm' });
  });

  test('devices are made and allowed', () => {
    const device = { path: '/dev/x', type: 'c', major: 10, minor: 229, fileMode: 0o666, uid: 0, gid: 0 };
    const spec = withOptions({}, { devices: [{ ...device, access: 'rw' }] });
    expect(spec.linux.devices).toEqual([device]);
    expect(spec.linux.resources.devices.at(-1)).toEqual({
      allow: true,
      type: 'c',
      major: 10,
      minor: 229,
      access: 'rw',
    });
  });
});

test.each<[Resources, object]>([
  [{ memory: 100, memorySwap: -1 }, { memory: { limit: 100, swap: -1 } }],
  [{ memory: 100 }, { memory: { limit: 100, swap: 200 } }],
  [{ memoryReservation: 7, memorySwappiness: 0 }, { memory: { reservation: 7, swappiness: 0 } }],
  [
    { memory: 9, memorySwap: 9, oomKillDisable: true },
    { memory: { limit: 9, swap: 9, disableOOMKiller: true } },
  ],
  [{ nanoCpus: 5e8 }, { cpu: { quota: 50_000, period: 100_000 } }],
  [{ cpuQuota: 5000, cpuPeriod: 10_000 }, { cpu: { quota: 5000, period: 10_000 } }],
  [{ cpuQuota: -1 }, {}],
  [{ cpusetMems: '0', cpuShares: 2 }, { cpu: { shares: 2, mems: '0' } }],
  [{ pidsLimit: 5 }, { pids: { limit: 5 } }],
])('limits %j', (resources, expected) => {
  const { devices, ...limits } = build({ resources }).linux.resources;
  expect(devices.length).toBeGreaterThan(0);
  expect(limits as object).toEqual(expected);
});

describe('mounts', () => {
  const mount = (options: readonly string[], readOnly = false): InstanceMount => ({
    type: 'bind',
    source: '/s',
    target: '/t',
    readOnly,
    options,
  });
  test.each<[InstanceMount, readonly string[]]>([
    [mount([]), ['rbind', 'rprivate', 'rw']],
    [mount(['rslave']), ['rbind', 'rslave', 'rw']],
    [mount(['bind']), ['bind', 'private', 'rw']],
    [mount([], true), ['rbind', 'rprivate', 'ro', 'rro']],
    [mount(['ro-top'], true), ['rbind', 'rprivate', 'ro']],
    [mount(['bind'], true), ['bind', 'private', 'ro']],
  ])('%j', (one, expected) => {
    expect(mountAt(build({ mounts: [one] }), '/t')?.options).toEqual([...expected]);
  });

  test('a tmpfs has Docker’s defaults and what is asked for', () => {
    const of = (options: readonly string[]) =>
      mountAt(build({ mounts: [{ ...mount(options), type: 'tmpfs', source: '' }] }), '/t')?.options;
    expect(of(['size=1m'])).toEqual(['nosuid', 'nodev', 'noexec', 'size=1m', 'rw']);
    expect(of(['exec', 'suid'])).toEqual(['nodev', 'exec', 'suid', 'rw']);
  });

  test('a file has nothing below it', () => {
    const facts = { files: new Set([mount([]).source]) };
    expect(mountAt(build({ mounts: [mount([], true)] }, facts), '/t')?.options).toEqual([
      'rbind',
      'rprivate',
      'ro',
    ]);
  });

  test('read-only all the way down, or a refusal', () => {
    const facts = { recursiveReadOnly: false };
    expect(mountAt(build({ mounts: [mount([], true)] }, facts), '/t')?.options).toEqual([
      'rbind',
      'rprivate',
      'ro',
    ]);
    expect(() => build({ mounts: [mount(['ro-all'], true)] }, facts)).toThrow('ReadOnlyForceRecursive');
  });

  test('propagation needs a mount of the host’s that has it', () => {
    const info = [
      '1 0 8:1 / / rw - ext4 /dev/x rw',
      '2 1 0:2 / /shared rw shared:5 - tmpfs x rw',
      '3 1 0:3 / /slave rw master:5 - tmpfs x rw',
    ].join('\n');
    const of = (source: string, option: string) =>
      checkedPropagation([{ ...mount([option]), source }], () => info);
    expect(checkedPropagation([mount([])], () => info)).toBeNull();
    expect(of('/shared/a', 'rshared')).toBe('rshared');
    expect(of('/shared', 'slave')).toBe('rslave');
    expect(of('/slave/b', 'rslave')).toBe('rslave');
    expect(() => of('/slave/b', 'shared')).toThrow(
      'path /slave/b is mounted on /slave but it is not a shared mount',
    );
    expect(() => of('/sharedx', 'rslave')).toThrow('is mounted on / but it is not a shared or slave mount');
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          checkedPropagation([mount(['rslave'])], () => text);
        } catch (error) {
          expect(String(error)).toContain('not a shared or slave mount');
        }
      }),
    );
  });
});

test('security options', () => {
  expect(readSecurity(['seccomp=unconfined', 'label=disable', 'apparmor=x'])).toEqual({
    ...{ seccomp: null, noNewPrivileges: false, appArmor: 'x', labels: ['disable'] },
  });
  expect(readSecurity(['no-new-privileges:true', 'seccomp=builtin'])).toEqual({
    ...{ noNewPrivileges: true, labels: [] },
  });
  expect(readSecurity(['no-new-privileges=0']).noNewPrivileges).toBe(false);
  const profile = '{"defaultAction":"SCMP_ACT_ALLOW"}';
  expect(readSecurity([`seccomp=${profile}`]).seccomp).toBe(profile);
});

test('profiles of every form', () => {
  const target = { capabilities: [], architecture: 'x64', kernel: '6.1.0' };
  const of = (profile: object) => resolveSeccomp(parseSeccompProfile(JSON.stringify(profile)), target);
  expect(of({ defaultAction: 'SCMP_ACT_ALLOW' })).toEqual({
    defaultAction: 'SCMP_ACT_ALLOW',
    architectures: [],
    syscalls: [],
  });
  const rule = { name: 'mkdir', action: 'SCMP_ACT_ERRNO' };
  expect(of({ defaultAction: 'x', architectures: ['SCMP_ARCH_X86'], syscalls: [rule, null, 7] })).toEqual({
    defaultAction: 'x',
    architectures: ['SCMP_ARCH_X86'],
    syscalls: [{ names: ['mkdir'], action: 'SCMP_ACT_ERRNO' }],
  });
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      try {
        of({ defaultAction: 'x', syscalls: value });
      } catch (error) {
        expect(error).toBeInstanceOf(SyntaxError);
      }
    }),
  );
});

test('groups by name and number', () => {
  const group = 'audio:x:29:\nvideo:x:44:bob\n';
  expect(resolveGroups(['video', '777'], { group })).toEqual([44, 777]);
  expect(() => resolveGroups(['nobody'], { group })).toThrow('unable to find group nobody');
});
