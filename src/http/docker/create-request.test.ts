import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { CreateInstance } from '../../engine/api.ts';
import { HullError } from '../../model/errors.ts';
import { parseJson } from '../json-body.ts';
import { toCreateInstance, toExecRequest } from './create-request.ts';
import { createBody, execCreateBody } from './create-schema.ts';
import { hostConfig } from './host-config-schema.ts';
import { checkUnsupported } from './create-unsupported.ts';

function read(body: object): CreateInstance {
  const parsed = parseJson(createBody, JSON.stringify({ Image: 'busybox', ...body }));
  checkUnsupported(parsed);
  return toCreateInstance(parsed, undefined);
}
const host = (fields: object) => read({ HostConfig: fields });

describe('toCreateInstance', () => {
  test('a bare request asks for nothing more than its image', () => {
    expect(read({})).toEqual({
      source: { kind: 'image', reference: 'busybox' },
      attach: { stdin: false, stdout: false, stderr: false },
      mounts: [],
      ports: [],
      resources: {},
    });
  });

  const cases: readonly (readonly [string, object, Partial<CreateInstance>])[] = [
    ['command', { Cmd: ['echo', 'hi'] }, { command: ['echo', 'hi'] }],
    ['command as a string', { Cmd: 'true' }, { command: ['true'] }],
    ['empty command is the image’s', { Cmd: [], Entrypoint: null }, {}],
    ['entrypoint discards the image’s command', { Entrypoint: ['/x'] }, { entrypoint: ['/x'], command: [] }],
    [
      'empty word clears the entrypoint',
      { Entrypoint: [''], Cmd: ['a'] },
      { entrypoint: [], command: ['a'] },
    ],
    ['empty list keeps the command', { Entrypoint: [] }, { entrypoint: [] }],
    ['environment', { Env: ['A=b', 'C'] }, { env: ['A=b', 'C'] }],
    ['empty texts are absent', { User: '', WorkingDir: '', Hostname: '', StopSignal: '' }, {}],
    [
      'terminal',
      { Tty: true, OpenStdin: true, StdinOnce: true },
      { tty: true, openStdin: true, stdinOnce: true },
    ],
    ['attach', { AttachStdin: true }, { attach: { stdin: true, stdout: false, stderr: false } }],
    ['stop', { StopSignal: 'SIGINT', StopTimeout: 3 }, { stopSignal: 'SIGINT', stopTimeout: 3 }],
    ['labels', { Labels: { a: 'b' } }, { labels: { a: 'b' } }],
    ['isolation', { HostConfig: { Isolation: 'vm' } }, { isolation: 'vm' }],
    ['default isolation', { HostConfig: { Isolation: 'default' } }, {}],
    [
      'runtime runsc is the sandbox',
      { HostConfig: { Runtime: 'runsc' } },
      { isolation: 'sandbox', options: { runtime: 'runsc' } },
    ],
    [
      'the isolation as a label',
      { Labels: { 'hull.isolation': 'vm' } },
      { isolation: 'vm', labels: { 'hull.isolation': 'vm' } },
    ],
    [
      'the isolation as an annotation',
      { HostConfig: { Annotations: { 'hull.isolation': 'sandbox' } } },
      { isolation: 'sandbox', options: { annotations: { 'hull.isolation': 'sandbox' } } },
    ],
    [
      'a restart policy',
      { HostConfig: { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 } } },
      { restartPolicy: { name: 'on-failure', maximumRetryCount: 3 } },
    ],
    [
      'a healthcheck',
      { Healthcheck: { Test: ['CMD', 'true'], Interval: 0, Retries: 2 } },
      { healthcheck: { Test: ['CMD', 'true'], Retries: 2 } },
    ],
    [
      'options',
      {
        HostConfig: {
          Ulimits: [{ Name: 'nofile', Soft: 10, Hard: 20 }],
          Sysctls: { 'net.ipv4.ip_forward': '1' },
          Devices: [{ PathOnHost: '/dev/fuse' }],
          MaskedPaths: [],
          SecurityOpt: ['seccomp=unconfined'],
          PidMode: 'host',
          ShmSize: 1024,
          LogConfig: { Type: 'json-file', Config: { 'max-size': '1m' } },
        },
      },
      {
        options: {
          ulimits: [{ name: 'nofile', soft: 10, hard: 20 }],
          sysctls: { 'net.ipv4.ip_forward': '1' },
          devices: [{ pathOnHost: '/dev/fuse', pathInContainer: '/dev/fuse', permissions: 'rwm' }],
          maskedPaths: [],
          securityOpt: ['seccomp=unconfined'],
          pidMode: 'host',
          shmSize: 1024,
          log: { driver: 'json-file', options: { 'max-size': '1m' } },
        },
      },
    ],
    [
      'limits',
      {
        HostConfig: {
          MemoryReservation: 7,
          MemorySwappiness: 0,
          CpusetMems: '0',
          BlkioWeight: 300,
          BlkioDeviceReadBps: [{ Path: '/dev/vda', Rate: 9 }],
        },
      },
      {
        resources: {
          memoryReservation: 7,
          memorySwappiness: 0,
          cpusetMems: '0',
          blkioWeight: 300,
          blkioDeviceReadBps: [{ path: '/dev/vda', rate: 9 }],
        },
      },
    ],
    [
      'memory',
      { HostConfig: { Memory: 1024, MemorySwap: -1 } },
      { resources: { memory: 1024, memorySwap: -1 } },
    ],
    ['zero is no limit', { HostConfig: { Memory: 0, NanoCpus: 0, PidsLimit: 0, CpuShares: 0 } }, {}],
    [
      'quota and period',
      { HostConfig: { CpuQuota: 150_000, CpuPeriod: 100_000 } },
      { resources: { cpuQuota: 150_000, cpuPeriod: 100_000 } },
    ],
    ['no process limit', { HostConfig: { PidsLimit: -1 } }, {}],
    ['network none', { HostConfig: { NetworkMode: 'none' } }, { networkMode: 'none' }],
    ['network disabled', { NetworkDisabled: true }, { networkMode: 'none' }],
    ['default network', { HostConfig: { NetworkMode: 'default' } }, {}],
    ['console size', { HostConfig: { ConsoleSize: [24, 80] } }, { size: { rows: 24, columns: 80 } }],
    ['unknown console size', { HostConfig: { ConsoleSize: [0, 0] } }, {}],
    [
      'capabilities',
      { HostConfig: { CapAdd: ['NET_ADMIN'], CapDrop: 'ALL' } },
      { capAdd: ['NET_ADMIN'], capDrop: ['ALL'] },
    ],
    [
      'what clients send without asking for it',
      {
        MacAddress: '',
        HostConfig: {
          RestartPolicy: { Name: '', MaximumRetryCount: 0 },
          LogConfig: { Type: '', Config: {} },
          Devices: [],
          MaskedPaths: null,
          ShmSize: 0,
          CgroupnsMode: '',
          SecurityOpt: [],
          MemorySwappiness: -1,
        },
        NetworkingConfig: {
          EndpointsConfig: { default: { IPAMConfig: null, Aliases: null, MacAddress: '', GwPriority: 0 } },
        },
        Surprise: { a: 1 },
      },
      {},
    ],
  ];
  test.each(cases)('%s', (_, body, expected) => {
    expect(read(body)).toEqual({ ...read({}), ...expected });
  });

  test('a machine instead of an image', () => {
    expect(read({ Image: '', HostConfig: { Machine: 'deb' } }).source).toEqual({
      kind: 'machine',
      name: 'deb',
    });
    expect(() => host({ Machine: 'deb' })).toThrow('one source');
    expect(() => read({ Image: '' })).toThrow('Image is missing');
  });

  test('mounts of every kind', () => {
    const { mounts, options } = read({
      Volumes: { '/anonymous': {}, '/data/': {} },
      HostConfig: {
        Binds: ['/src:/dst:ro', 'vol:/data'],
        Mounts: [{ Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes: 64, Mode: 0o1777 } }],
        Tmpfs: { '/run': 'ro,size=1m' },
      },
    });
    const common = { readOnly: false, options: [] };
    expect(mounts).toEqual([
      {
        ...common,
        type: 'bind',
        source: '/src',
        target: '/dst',
        readOnly: true,
        createSource: true,
        mode: 'ro',
      },
      { ...common, type: 'volume', source: 'vol', target: '/data', mode: '' },
      { ...common, type: 'tmpfs', source: '', target: '/t', options: ['size=64', 'mode=1777'] },
      { ...common, type: 'tmpfs', source: '', target: '/run', readOnly: true, options: ['size=1m'] },
      { type: 'volume', source: '', target: '/anonymous', readOnly: false },
    ]);
    // Inspect shows them as they were written.
    expect(options?.given).toEqual({
      binds: ['/src:/dst:ro', 'vol:/data'],
      mounts: [{ Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes: 64, Mode: 0o1777 } }],
      tmpfs: { '/run': 'ro,size=1m' },
      volumes: ['/anonymous', '/data/'],
    });
  });

  test('published ports are exposed too', () => {
    const request = read({
      ExposedPorts: { '53/udp': {} },
      HostConfig: { PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '8080' }, {}], '90': null } },
    });
    expect(request.ports).toEqual([
      { protocol: 'tcp', containerPort: 80, hostIp: '127.0.0.1', hostPort: 8080 },
      { protocol: 'tcp', containerPort: 80, hostIp: '', hostPort: 0 },
    ]);
    expect(new Set(request.exposedPorts)).toEqual(new Set(['53/udp', '80/tcp', '90/tcp']));
  });
});

describe('refusals name the field', () => {
  test.each([
    ['HostConfig.Memory', { HostConfig: { Memory: '1g' } }],
    ['HostConfig.Memory', { HostConfig: { Memory: -5 } }],
    ['HostConfig.Memory', { HostConfig: { Memory: 1.5 } }],
    ['Env.1', { Env: ['A=1', 2] }],
    ['Labels.a', { Labels: { a: 1 } }],
    ['Cmd', { Cmd: 7 }],
    ['HostConfig.PortBindings.x', { HostConfig: { PortBindings: { x: [] } } }],
    [
      'HostConfig.PortBindings.80/tcp',
      { HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '70000' }] } } },
    ],
    ['HostConfig.PortBindings.80/tcp', { HostConfig: { PortBindings: { '80/tcp': [{ HostIp: 'host' }] } } }],
    ['HostConfig.Isolation', { HostConfig: { Isolation: 'hyperv' } }],
    ['Duplicate mount point: /b', { HostConfig: { Binds: ['/a:/b', '/c:/b/'] } }],
    [
      'HostConfig.DeviceRequests',
      { HostConfig: { DeviceRequests: [{ Count: -1, Capabilities: [['gpu']] }] } },
    ],
    ['HostConfig.Cgroup', { HostConfig: { Cgroup: 'container:x' } }],
    ['HostConfig.Ulimits.0.Soft', { HostConfig: { Ulimits: [{ Name: 'nofile', Soft: 'x' }] } }],
    ['HostConfig.Devices.0.PathOnHost', { HostConfig: { Devices: [{ PathOnHost: 1 }] } }],
    ['unknown or invalid runtime name: foo', { HostConfig: { Runtime: 'foo' } }],
    ["unknown policy 'sometimes'", { HostConfig: { RestartPolicy: { Name: 'sometimes' } } }],
    [
      "maximum retry count can only be used with 'on-failure'",
      { HostConfig: { RestartPolicy: { Name: 'always', MaximumRetryCount: 2 } } },
    ],
    [
      'NetworkingConfig.EndpointsConfig.bridge.IPAMConfig.IPv4Address',
      { NetworkingConfig: { EndpointsConfig: { bridge: { IPAMConfig: { IPv4Address: 4 } } } } },
    ],
    [
      'conflicting options: port publishing and the container type network mode',
      { HostConfig: { NetworkMode: 'container:a', PortBindings: { '80/tcp': [{}] } } },
    ],
  ])('%s', (field, body) => {
    expect(() => read(body)).toThrow(field);
  });

  test('what has no effect any more is warned of', () => {
    const parsed = parseJson(createBody, '{"HostConfig":{"KernelMemory":5,"CpuPercent":5}}');
    expect(checkUnsupported(parsed)).toEqual([
      'Specifying a kernel memory limit is deprecated and has no effect.',
      'linux does not support CPU percent. Percent discarded.',
    ]);
  });
});

/** Bodies with the right names and any values: what a hostile or buggy client sends. */
const anyBody = fc.record(
  {
    Image: fc.oneof(fc.constant('busybox'), fc.jsonValue()),
    Cmd: fc.jsonValue(),
    Env: fc.oneof(fc.array(fc.string()), fc.jsonValue()),
    Volumes: fc.oneof(fc.dictionary(fc.string(), fc.constant({})), fc.jsonValue()),
    ExposedPorts: fc.oneof(fc.dictionary(fc.string(), fc.constant({})), fc.jsonValue()),
    HostConfig: fc.oneof(
      fc.jsonValue(),
      fc.record({
        Binds: fc.oneof(fc.array(fc.string()), fc.jsonValue()),
        Mounts: fc.jsonValue(),
        Memory: fc.oneof(fc.integer(), fc.jsonValue()),
        PortBindings: fc.oneof(
          fc.dictionary(fc.string(), fc.array(fc.record({ HostIp: fc.string(), HostPort: fc.string() }))),
          fc.jsonValue(),
        ),
        ...Object.fromEntries(
          Object.keys(hostConfig.entries).map((field) => [field, fc.option(fc.jsonValue(), { freq: 20 })]),
        ),
      }),
    ),
    NetworkingConfig: fc.jsonValue(),
  },
  { requiredKeys: [] },
);

test('every body is understood or refused, never a crash', () => {
  fc.assert(
    fc.property(anyBody, (body) => {
      try {
        const request = read(body);
        for (const mount of request.mounts ?? []) expect(mount.target.startsWith('/')).toBe(true);
        for (const port of request.ports ?? []) {
          expect(port.containerPort).toBeGreaterThan(0);
          expect(port.hostPort).toBeLessThan(65_536);
        }
      } catch (error) {
        expect(error).toBeInstanceOf(HullError);
        expect((error as HullError).code).not.toBe('internal');
      }
    }),
    { numRuns: 500 },
  );
});

test('exec requests', () => {
  const of = (body: object) => toExecRequest(parseJson(execCreateBody, JSON.stringify(body)));
  expect(of({ Cmd: ['ls'], AttachStdout: true, User: '', WorkingDir: '/x', Tty: null })).toEqual({
    args: ['ls'],
    env: [],
    workingDir: '/x',
    tty: false,
    privileged: false,
    attach: { stdin: false, stdout: true, stderr: false },
  });
  expect(() => of({})).toThrow('No exec command specified');
});
