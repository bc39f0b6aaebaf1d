import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { ContainerSummary } from '../../../api/docker.ts';
import { imageRows } from './images.ts';
import { ellipsis, INSTANCE_TITLES, instanceRow, shownPorts } from './instances.ts';
import { listingText } from './listing.ts';
import { statsRow } from './stats.ts';
import { table } from './table.ts';
import { ago, binarySize, humanDuration, humanSize } from './units.ts';

const SECOND = 1000;
const HOUR = 3_600_000;

describe('units, as docker prints them', () => {
  test.each([
    [0, '0B'],
    [999, '999B'],
    [1000, '1kB'],
    [1024, '1.024kB'],
    [1_982_000, '1.982MB'],
    [123_456_789, '123.5MB'],
    [999_999, '1000kB'],
    [1e12, '1TB'],
  ])('humanSize(%d)', (bytes, text) => expect(humanSize(bytes)).toBe(text));

  test.each([
    [1_982_000, '1.98MB'],
    [123_456_789, '123MB'],
    [999_600, '1e+03kB'],
  ])('humanSize(%d) with three digits', (bytes, text) => expect(humanSize(bytes, 3)).toBe(text));

  test.each([
    [0, '0B'],
    [659_456, '644KiB'],
    [67_108_864, '64MiB'],
    [25_276_000_000, '23.54GiB'],
  ])('binarySize(%d)', (bytes, text) => expect(binarySize(bytes)).toBe(text));

  test.each([
    [0, 'Less than a second'],
    [SECOND, '1 second'],
    [47 * SECOND, '47 seconds'],
    [60 * SECOND, 'About a minute'],
    [119 * SECOND, 'About a minute'],
    [3 * 60 * SECOND, '3 minutes'],
    [HOUR, 'About an hour'],
    [1.4 * HOUR, 'About an hour'],
    [1.5 * HOUR, '2 hours'],
    [47 * HOUR, '47 hours'],
    [48 * HOUR, '2 days'],
    [14 * 24 * HOUR, '2 weeks'],
    [60 * 24 * HOUR, '2 months'],
    [730 * 24 * HOUR, '2 years'],
  ])('humanDuration(%d)', (milliseconds, text) => expect(humanDuration(milliseconds)).toBe(text));

  test('property: sizes and durations are short, and never NaN', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        expect(humanSize(value)).toMatch(/^\d[\d.e+]*(B|[kMGTPEZY]B)$/);
        expect(binarySize(value)).toMatch(/^\d[\d.e+]*(B|[KMGTPEZY]iB)$/);
        expect(humanDuration(value).length).toBeLessThan(25);
      }),
    );
  });

  test('ago', () => expect(ago(1000, 121_000)).toBe('2 minutes ago'));
});

describe('tables', () => {
  test('columns are at least ten wide, three apart, the last not padded', () => {
    expect(
      table([
        ['ID', 'PORTS', 'NAMES'],
        ['0123456789ab', '', 'web'],
      ]),
    ).toBe('ID             PORTS     NAMES\n0123456789ab             web\n');
  });

  test('property: each cell begins where its title does', () => {
    const cell = fc.stringMatching(/^[a-z…é]{0,20}$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell, cell), { minLength: 1, maxLength: 8 }), (rows) => {
        const lines = table(rows).split('\n').slice(0, -1);
        const first = Math.max(10, ...rows.map(([a]) => a.length + 3));
        lines.forEach((line, at) => expect(line.slice(0, first).trimEnd()).toBe(rows[at]?.[0] ?? ''));
      }),
    );
  });

  const listing = { columns: ['A', 'B'], titles: { A: 'AAA', B: 'BBB' }, rows: [{ A: '1', B: 'two' }] };
  test.each([
    [undefined, 'AAA       BBB\n1         two\n'],
    ['table', 'AAA       BBB\n1         two\n'],
    ['json', '{"A":"1","B":"two"}\n'],
    [String.raw`table {{.B}}\t{{.A}}`, 'BBB       AAA\ntwo       1\n'],
    [String.raw`{{.A}}\t{{upper .B}}`, '1\tTWO\n'],
  ])('--format %s', (format, text) => expect(listingText({ ...listing, format })).toBe(text));

  test('-q prints one field', () =>
    expect(listingText({ ...listing, format: undefined, only: 'B' })).toBe('two\n'));
});

const SUMMARY: ContainerSummary = {
  Id: 'a'.repeat(64),
  Names: ['/web'],
  Image: 'busybox',
  ImageID: `sha256:${'b'.repeat(64)}`,
  Command: 'sh -c "while true; do sleep 1; done"',
  Created: 1_700_000_000,
  Ports: [],
  Labels: { a: 'b', c: '' },
  State: 'running',
  Status: 'Up 3 seconds',
  HostConfig: { NetworkMode: 'default', Isolation: 'vm' },
  NetworkSettings: { Networks: {} },
  Mounts: [],
};

describe('rows', () => {
  test('an instance', () => {
    const row = instanceRow(SUMMARY, { truncate: true, now: 1_700_000_120_000 });
    expect(row).toMatchObject({
      ID: 'aaaaaaaaaaaa',
      Names: 'web',
      RunningFor: '2 minutes ago',
      Labels: 'a=b,c=',
      Isolation: 'vm',
    });
    expect(row['Command']).toBe('"sh -c \\"while true; …"');
    expect(Object.keys(row)).toEqual(Object.keys(INSTANCE_TITLES));
  });

  test.each([
    [`sha256:${'b'.repeat(64)}`, 'bbbbbbbbbbbb'],
    ['repo/x@sha256:1234', 'repo/x'],
    ['', '<no image>'],
  ])('the image %s is shown as %s', (Image, shown) => {
    expect(instanceRow({ ...SUMMARY, Image }, { truncate: true })['Image']).toBe(shown);
  });

  test.each<[Parameters<typeof shownPorts>[0], string]>([
    [[], ''],
    [[{ IP: '0.0.0.0', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' }], '0.0.0.0:8080->80/tcp'],
    [
      [
        { IP: '::', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
        { PrivatePort: 53, Type: 'udp' },
      ],
      '[::]:8080->80/tcp, 53/udp',
    ],
    [
      [
        { PrivatePort: 1813, Type: 'udp' },
        { PrivatePort: 1812, Type: 'udp' },
      ],
      '1812-1813/udp',
    ],
    [
      [80, 81].map((port) => ({ IP: '0.0.0.0', PrivatePort: port, PublicPort: port, Type: 'tcp' })),
      '0.0.0.0:80-81->80-81/tcp',
    ],
    [
      [80, 81].map((port) => ({ IP: '0.0.0.0', PrivatePort: port, PublicPort: port + 1000, Type: 'tcp' })),
      '0.0.0.0:1080->80/tcp, 0.0.0.0:1081->81/tcp',
    ],
  ])('ports %j', (ports, text) => expect(shownPorts(ports)).toBe(text));

  test('an image: a row for each tag, one for none', () => {
    const image = {
      Id: `sha256:${'c'.repeat(64)}`,
      ParentId: '',
      RepoTags: ['host:5000/a:1', 'b:2'],
      RepoDigests: ['b@sha256:9'],
      Created: 0,
      Size: 5e6,
      SharedSize: -1,
      Labels: null,
      Containers: -1,
    };
    const options = { truncate: true, digests: true };
    expect(imageRows(image, options).map((row) => [row['Repository'], row['Tag'], row['Digest']])).toEqual([
      ['host:5000/a', '1', '<none>'],
      ['b', '2', 'sha256:9'],
    ]);
    expect(imageRows({ ...image, RepoTags: [], RepoDigests: [] }, options)).toMatchObject([
      { Repository: '<none>', Tag: '<none>', ID: 'cccccccccccc', Size: '5MB' },
    ]);
  });

  test('stats: rates from two samples, memory without what the kernel can drop', () => {
    const cpu = (own: number, host: number) => ({
      cpu_usage: { total_usage: own, usage_in_kernelmode: 0, usage_in_usermode: 0 },
      system_cpu_usage: host,
      online_cpus: 2,
      throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
    });
    const row = statsRow(
      {
        id: 'd'.repeat(64),
        name: '/web',
        read: '',
        preread: '',
        num_procs: 0,
        pids_stats: { current: 4 },
        cpu_stats: cpu(300, 2000),
        precpu_stats: cpu(100, 1000),
        memory_stats: { usage: 3 << 20, limit: 4 << 20, stats: { inactive_file: 1 << 20 } },
        blkio_stats: { io_service_bytes_recursive: [{ major: 8, minor: 0, op: 'Read', value: 1500 }] },
        storage_stats: {},
        networks: {
          eth0: {
            rx_bytes: 10,
            rx_packets: 0,
            rx_errors: 0,
            rx_dropped: 0,
            tx_bytes: 2000,
            tx_packets: 0,
            tx_errors: 0,
            tx_dropped: 0,
          },
        },
      },
      true,
    );
    expect(row).toMatchObject({
      CPUPerc: '40.00%',
      MemUsage: '2MiB / 4MiB',
      MemPerc: '50.00%',
      NetIO: '10B / 2kB',
      BlockIO: '1.5kB / 0B',
      PIDs: '4',
      Name: 'web',
    });
  });

  test('property: ellipsis never gives more than asked', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.integer({ min: 1, max: 30 }),
        (text, length) => Array.from(ellipsis(text, length)).length <= length,
      ),
    );
  });
});
