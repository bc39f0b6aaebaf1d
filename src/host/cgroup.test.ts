import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import {
  cgroupFacts,
  parseBlockBytes,
  parseKeyed,
  parseLimit,
  parsePids,
  unmountedControllers,
} from './cgroup-parse.ts';
import { Cgroup } from './cgroup.ts';
import { LinuxProcesses } from './processes.ts';

const mount = (type: string, target: string, options: string) => ({ type, target, options, source: type });

describe('cgroupFacts', () => {
  test('v2: only the unified hierarchy', () => {
    const facts = cgroupFacts([
      mount('cgroup2', '/sys/fs/cgroup', 'rw,nsdelegate'),
      mount('ext4', '/', 'rw'),
    ]);
    expect(facts.layout).toBe('v2');
    expect(facts.unified).toBe('/sys/fs/cgroup');
  });

  test('v1 with joined controllers', () => {
    const facts = cgroupFacts([
      mount('cgroup', '/sys/fs/cgroup/cpu,cpuacct', 'rw,cpu,cpuacct'),
      mount('cgroup', '/sys/fs/cgroup/systemd', 'rw,name=systemd'),
    ]);
    expect(facts.layout).toBe('v1');
    expect(facts.controllers.get('cpuacct')).toBe('/sys/fs/cgroup/cpu,cpuacct');
    expect(facts.controllers.get('name=systemd')).toBe('/sys/fs/cgroup/systemd');
  });

  test('hybrid: both', () => {
    const facts = cgroupFacts([
      mount('cgroup', '/sys/fs/cgroup/memory', 'rw,memory'),
      mount('cgroup2', '/sys/fs/cgroup/unified', 'rw'),
    ]);
    expect([facts.layout, facts.unified]).toEqual(['hybrid', '/sys/fs/cgroup/unified']);
  });
});

describe('parsers', () => {
  test('controllers without a hierarchy, or with one that is mounted no more', () => {
    const text =
      '#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t1\t1\t1\nhugetlb\t0\t1\t1\nrdma\t0\t1\t0\nperf_event\t15\t3\t1\n';
    expect(unmountedControllers(text, new Map([['cpu', '/cpu']]))).toEqual(['hugetlb', 'perf_event']);
  });

  test('keyed values come back', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z_]{1,20}$/), fc.nat()), (values) => {
        const text = Object.entries(values)
          .map(([key, value]) => `${key} ${value}\n`)
          .join('');
        expect(Object.fromEntries(parseKeyed(text))).toEqual({ ...values });
      }),
    );
  });

  test('block bytes are summed over devices, in both forms', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(255), fc.nat(1e9), fc.nat(1e9))), (devices) => {
        const v2 = devices.map(
          ([minor, read, write]) => `8:${minor} rbytes=${read} wbytes=${write} rios=1 wios=1 dbytes=0 dios=0`,
        );
        const v1 = devices.flatMap(([minor, read, write]) => [
          `8:${minor} Read ${read}`,
          `8:${minor} Write ${write}`,
          `8:${minor} Total 1`,
        ]);
        const sum = devices.reduce(
          (total, [, read, write]) => ({ read: total.read + read, write: total.write + write }),
          { read: 0, write: 0 },
        );
        expect(parseBlockBytes(v2.join('\n'))).toEqual(sum);
        expect(parseBlockBytes([...v1, 'Total 5'].join('\n'))).toEqual(sum);
      }),
    );
  });

  test('any text is survived and gives sane values', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const pid of parsePids(text)) expect(pid).toBeGreaterThan(0);
        const { read, write } = parseBlockBytes(text);
        expect(read + write).toBeGreaterThanOrEqual(0);
        expect([...parseKeyed(text).values()].every((value) => value >= 0)).toBe(true);
        unmountedControllers(text, new Map());
        const limit = parseLimit(text);
        expect(limit === null || limit === 'max' || Number.isFinite(limit)).toBe(true);
      }),
    );
  });

  test('process ids', () => {
    expect(parsePids('1\n22\n\nx\n0\n')).toEqual([1, 22]);
  });
});

test('a group never leaves its hierarchy', () => {
  const facts = cgroupFacts([]);
  for (const path of ['', '/', '/a', 'a/../..', 'a//b', '.']) {
    expect(() => new Cgroup(facts, new LinuxProcesses(), path)).toThrow('no path of a control group');
  }
});
