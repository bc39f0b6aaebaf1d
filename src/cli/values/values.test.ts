import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { DetachWatch, parseDetachKeys } from './detach-keys.ts';
import { parseFilters } from './filters.ts';
import { parseMount, parseVolume } from './mounts.ts';
import { parseExpose, parsePublish } from './ports.ts';
import { parseBytes, parseCpus, parseSwap } from './size.ts';
import { parseDuration, parseSeconds, parseTimestamp } from './time.ts';

describe('sizes', () => {
  test.each([
    ['1024', 1024],
    ['512m', 512 << 20],
    ['1.5g', 1.5 * 2 ** 30],
    ['64MiB', 64 << 20],
    ['2kb', 2048],
    ['7B', 7],
    ['0', 0],
  ])('%s', (text, bytes) => expect(parseBytes(text)).toBe(bytes));
  test.each(['', 'm', '-1', '1x', '1e3', 'ten', '99999999999p'])('%j is refused', (text) =>
    expect(() => parseBytes(text)).toThrow(/^it /),
  );
  test('-1 is unlimited swap', () => expect(parseSwap('-1')).toBe(-1));
  test.each([
    ['1.5', 1_500_000_000],
    ['.25', 250_000_000],
    ['0.1', 100_000_000],
    ['2', 2_000_000_000],
  ])('%s CPUs', (text, nano) => expect(parseCpus(text)).toBe(nano));
  test.each(['-1', 'x', '1e2', '', '.', '0.0000000001'])('%j CPUs are refused', (text) =>
    expect(() => parseCpus(text)).toThrow(/^it /),
  );
});

describe('ports', () => {
  const published = (text: string) =>
    parsePublish(text).map(({ port, binding }) => `${binding.HostIp}|${binding.HostPort}|${port}`);
  test.each([
    ['80', ['||80/tcp']],
    ['8080:80', ['|8080|80/tcp']],
    ['1812:1812/udp', ['|1812|1812/udp']],
    ['127.0.0.1:8080:80', ['127.0.0.1|8080|80/tcp']],
    ['127.0.0.1::80', ['127.0.0.1||80/tcp']],
    ['0:80', ['||80/tcp']],
    ['127.0.0.1:0:80', ['127.0.0.1||80/tcp']],
    ['[::1]:8080:80', ['::1|8080|80/tcp']],
    ['[::1]::80', ['::1||80/tcp']],
    ['[::1]:80', ['::1||80/tcp']],
    ['8000-8001:80-81', ['|8000|80/tcp', '|8001|81/tcp']],
    ['8000-8010:80', ['|8000-8010|80/tcp']],
  ])('%s', (text, expected) => expect(published(text)).toEqual(expected));
  test.each([
    '',
    'x',
    '80/icmp',
    '0',
    '70000',
    '81-80',
    '1-2:1-3',
    'a:b:c',
    '1:2:3:4',
    ':80:',
    '[::1:80',
    'localhost:80:80',
    '80:',
  ])('%j is refused', (text) => expect(() => parsePublish(text)).toThrow());
  test('a range is exposed port by port', () =>
    expect(parseExpose('53-54/udp')).toEqual(['53/udp', '54/udp']));
  test('property: anything is parsed into ports in range, or refused', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9.:[\]\-/a-z]{0,20}$/)), (text) => {
        try {
          for (const { port } of parsePublish(text)) expect(port).toMatch(/^\d{1,5}\/(tcp|udp|sctp)$/);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
          expect(error).not.toBeInstanceOf(TypeError);
        }
      }),
    );
  });
});

describe('mounts', () => {
  test.each([
    ['/data', { kind: 'anonymous', target: '/data' }],
    ['vol:/data', { kind: 'bind', bind: 'vol:/data' }],
    ['/a:/b:ro', { kind: 'bind', bind: '/a:/b:ro' }],
    ['./a:/b', { kind: 'bind', bind: '/home/me/a:/b' }],
    ['../a:/b', { kind: 'bind', bind: '/home/a:/b' }],
    ['.:/b', { kind: 'bind', bind: '/home/me:/b' }],
  ])('-v %s', (text, expected) =>
    expect(parseVolume(text, '/home/me')).toEqual(expected as ReturnType<typeof parseVolume>),
  );
  test.each(['', 'data', '/a:b', '/a:/b:ro:x', ':/b'])('-v %j is refused', (text) =>
    expect(() => parseVolume(text, '/')).toThrow(),
  );
  test.each([
    ['type=bind,source=/a,target=/b,readonly', { Type: 'bind', Source: '/a', Target: '/b', ReadOnly: true }],
    [
      'type=bind,src=a,dst=/b,ro=false',
      { Type: 'bind', Source: '/home/me/a', Target: '/b', ReadOnly: false },
    ],
    [
      'src=vol,dst=/b,volume-subpath=a/b,volume-label=x=y,volume-opt=type=tmpfs,volume-opt=device=tmpfs,"volume-opt=o=size=1m,uid=1"',
      {
        Type: 'volume',
        Source: 'vol',
        Target: '/b',
        VolumeOptions: {
          Subpath: 'a/b',
          Labels: { x: 'y' },
          DriverConfig: { Options: { type: 'tmpfs', device: 'tmpfs', o: 'size=1m,uid=1' } },
        },
      },
    ],
    [
      'source=vol,destination=/b,volume-nocopy',
      { Type: 'volume', Source: 'vol', Target: '/b', VolumeOptions: { NoCopy: true } },
    ],
    [
      'type=tmpfs,target=/t,tmpfs-size=64m,tmpfs-mode=1777',
      { Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes: 64 << 20, Mode: 0o1777 } },
    ],
    ['type=bind,"source=/a,b",target=/b', { Type: 'bind', Source: '/a,b', Target: '/b' }],
  ])('--mount %s', (text, expected) => expect(parseMount(text, '/home/me')).toEqual(expected));
  test.each([
    '',
    'type=bind,target=/b',
    'type=x,target=/b',
    'type=volume',
    'target=/b,frob=1',
    'type=tmpfs,source=/a,target=/b',
    'target=/b,readonly=perhaps',
    '"target=/b',
  ])('--mount %j is refused', (text) => expect(() => parseMount(text, '/')).toThrow());
});

describe('times', () => {
  test.each([
    ['1h30m', 5_400_000],
    ['1.5s', 1500],
    ['-10s', -10_000],
    ['250ms', 250],
  ])('%s', (text, milliseconds) => expect(parseDuration(text)).toBe(milliseconds));
  test.each(['', '10', 'x', '1d', 's'])('%j is no duration', (text) =>
    expect(parseDuration(text)).toBeNull(),
  );
  test.each([
    ['10m', '1699999400'],
    ['0s', '1700000000'],
    ['1136073600', '1136073600'],
    ['1136073600.5', '1136073600.500000000'],
    ['2026-01-02T15:04:05Z', '1767366245'],
    ['2026-01-02T15:04:05.123456789Z', '1767366245.123456789'],
    ['2026-01-02T15:04:05+01:00', '1767362645'],
  ])('since %s', (text, seconds) => expect(parseTimestamp(text, 1_700_000_000_000)).toBe(seconds));
  test.each(['', 'yesterday', '2026-13-01', '2026-01-02T99:00'])('%j is refused', (text) =>
    expect(() => parseTimestamp(text)).toThrow(/^it must be/),
  );
  test('seconds', () =>
    expect([parseSeconds('5'), parseSeconds('-1'), parseSeconds('1500ms')]).toEqual([5, -1, 2]));
});

test('filters gather by name', () => {
  expect(parseFilters(['name=a', 'Name=b', 'label=x=y'])).toEqual(
    new Map([
      ['name', ['a', 'b']],
      ['label', ['x=y']],
    ]),
  );
  expect(() => parseFilters(['name'])).toThrow('invalid filter');
});

describe('detach keys', () => {
  test.each([
    ['ctrl-p,ctrl-q', [16, 17]],
    ['ctrl-[', [27]],
    ['a,ctrl-@', [97, 0]],
    ['', []],
  ])('%j', (text, keys) => expect([...parseDetachKeys(text)]).toEqual(keys));
  test.each(['ctrl-', 'ctrl-é', 'ab', 'a,,b'])('%j is refused', (text) =>
    expect(() => parseDetachKeys(text)).toThrow('is not a key'),
  );

  test('property: found exactly where the sequence is typed; nothing else is lost', () => {
    const keys = Uint8Array.from([16, 17]);
    const typed = fc.array(fc.constantFrom(1, 16, 17, 65), { maxLength: 30 });
    fc.assert(
      fc.property(typed, fc.integer({ min: 1, max: 5 }), (bytes, step) => {
        const watch = new DetachWatch(keys);
        const passed: number[] = [];
        let detached = false;
        for (let at = 0; at < bytes.length && !detached; at += step) {
          const { pass, detach } = watch.feed(Uint8Array.from(bytes.slice(at, at + step)));
          passed.push(...pass);
          detached = detach;
        }
        const end = bytes.findIndex((byte, at) => byte === 16 && bytes[at + 1] === 17);
        expect(detached).toBe(end >= 0);
        if (detached) expect(passed).toEqual(bytes.slice(0, end));
        // A beginning at the very end is still held back.
        else expect(passed).toEqual(bytes.at(-1) === 16 ? bytes.slice(0, -1) : bytes);
      }),
    );
  });
});
