import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { MemoryMapping } from '../../host/process-memory.ts';
import type { ProcessIsolation } from '../../host/process-isolation.ts';
import type { Measured, SubjectKernel } from '../../model/comparison.ts';
import { isHullError } from '../../model/errors.ts';
import type { Availability, Isolation } from '../../model/isolation.ts';
import { LineReader } from './inside.ts';
import { kernelOf } from './kernel.ts';
import { mechanismsOf } from './mechanisms.ts';
import { capacityOf, memoryReport, splitMemory } from './memory.ts';
import { planSubjects } from './subjects.ts';
import { fieldsOf, numberOf, rateOf } from './throughput.ts';

const MEBIBYTE = 1 << 20;

function mapping(path: string, rss: number, pss: number, anonymous: number): MemoryMapping {
  return { path, inode: path === '' ? '0' : '7', rss, pss, anonymous };
}

describe('splitMemory', () => {
  test('files are there once for all, everything else is each instance’s own', () => {
    const qemu = [
      mapping('/memfd:guest (deleted)', 100, 80, 0),
      mapping('/usr/bin/qemu', 50, 50, 0),
      mapping('/usr/lib/data.so', 10, 10, 4),
      mapping('', 20, 20, 20),
      mapping('[heap]', 5, 5, 5),
      mapping('/dev/zero', 3, 3, 0),
    ];
    // The same guest memory, and the same library.
    const helper = [mapping('/memfd:guest (deleted)', 20, 20, 0), mapping('/usr/lib/data.so', 8, 4, 0)];
    expect(splitMemory([qemu, helper])).toEqual({ unique: 80 + 4 + 20 + 5 + 3 + 20, shared: 50 + 8 });
  });
});

describe('capacity', () => {
  const footprint = {
    workload: [{ pid: 1, pss: 8 * MEBIBYTE, rss: 0, command: '/usr/bin/x -y' }],
    helpers: [],
  };
  const reading = { footprint, unique: 4 * MEBIBYTE, shared: 10 * MEBIBYTE };
  test('counts what is shared once', () => {
    const capacity = capacityOf(memoryReport([reading], ''), 100 * MEBIBYTE);
    expect(capacity).toEqual({
      value: {
        instances: 22,
        formula: '(100.0 MiB available - 10.0 MiB shared by all) / 4.0 MiB each',
      },
    });
  });
  test('is never negative, and has a reason where memory has one', () => {
    expect(capacityOf(memoryReport([reading], ''), 0)).toMatchObject({ value: { instances: 0 } });
    expect(capacityOf(memoryReport([], 'it did not start'), MEBIBYTE)).toEqual({
      notMeasured: 'it did not start',
    });
  });
  test('names programs, not their arguments', () => {
    expect(memoryReport([reading], '')).toMatchObject({
      value: { processes: [{ command: 'x', pss: 8 * MEBIBYTE }] },
    });
  });
});

describe('mechanisms', () => {
  const host: ProcessIsolation = {
    namespaces: new Map([
      ['net', 'net:[1]'],
      ['pid', 'pid:[2]'],
      ['user', 'user:[3]'],
    ]),
    seccomp: 0,
    noNewPrivileges: false,
    user: 0,
    capabilities: 40,
    controlGroups: new Map([
      ['memory', '/'],
      ['cpu', '/'],
    ]),
    securityLabel: '',
    usesKvm: false,
  };
  const shared: Measured<SubjectKernel> = { value: { release: '6', version: '', shared: true } };
  const activeOf = (mechanisms: ReturnType<typeof mechanismsOf>): string[] =>
    mechanisms.filter(({ active }) => active).map(({ name }) => name);

  test('a process like any other has none', () => {
    expect(activeOf(mechanismsOf('container', { workload: host, host }, shared))).toEqual([]);
  });
  test('each is seen by its own fact', () => {
    const workload: ProcessIsolation = {
      ...host,
      namespaces: new Map([...host.namespaces, ['net', 'net:[9]'], ['unknown', 'x:[1]']]),
      seccomp: 2,
      noNewPrivileges: true,
      user: 1812,
      capabilities: 14,
      controlGroups: new Map([...host.controlGroups, ['memory', '/hull/x']]),
      securityLabel: 'docker-default (enforce)',
    };
    const found = mechanismsOf('container', { workload, host }, shared);
    const details = Object.fromEntries(found.map(({ name, detail }) => [name, detail]));
    expect(details).toMatchObject({
      namespaces: 'net',
      seccomp: 'filter',
      'capabilities dropped': '26 of 40',
      'control group': 'memory',
      'unprivileged user': 'user 1812 of the host',
    });
    expect(activeOf(found)).not.toContain('own kernel');
    expect(activeOf(found)).toHaveLength(7);
  });
  test('an emulated VM says so; one that holds a KVM machine does not', () => {
    const own: Measured<SubjectKernel> = { value: { release: '6', version: '', shared: false } };
    const emulated = mechanismsOf('vm', { workload: host, host }, own);
    expect(emulated[1]).toEqual({
      name: 'hardware virtualization',
      active: false,
      detail: 'emulated (no usable KVM)',
    });
    const kvm = mechanismsOf('vm', { workload: { ...host, usesKvm: true }, host }, own);
    expect(activeOf(kvm)).toEqual(['own kernel', 'hardware virtualization']);
  });
  test('a kernel that was not measured is not claimed', () => {
    const [kernel] = mechanismsOf('vm', { workload: host, host }, { notMeasured: 'no shell' });
    expect(kernel).toEqual({ name: 'own kernel', active: false, detail: 'not measured: no shell' });
  });
});

describe('the measuring program’s lines', () => {
  test('a rate is per second', () => {
    expect(rateOf('{"bytes":1000,"nanoseconds":500000000}', 'bytes')).toBe(2000);
  });
  test.each([
    '',
    '{}',
    '[]',
    'null',
    '"x"',
    '{"bytes":0}',
    '{"bytes":"1"}',
    '{"bytes":-1}',
    '{"bytes":1e999}',
  ])('refuses %p', (line) =>
    expect(() => numberOf(line, 'bytes')).toThrow('the measuring program printed no'),
  );
  test('any text gives an object or a refusal', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (line) => {
        try {
          expect(typeof fieldsOf(line)).toBe('object');
        } catch (error) {
          expect(isHullError(error, 'bad-response')).toBe(true);
        }
      }),
    );
  });
  test('come whole, however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (pieces) => {
        const seen: string[] = [];
        const reader = new LineReader((line) => seen.push(line));
        for (const piece of pieces) reader.push(piece);
        reader.push('\n');
        expect(seen.join('\n')).toBe(pieces.join(''));
      }),
    );
  });
});

describe('kernelOf', () => {
  const line = (fields: object): string => JSON.stringify({ release: '6.1', version: '#1', ...fields });
  test('the id of the boot decides, not the name', () => {
    expect(kernelOf(line({ bootId: 'a' }), line({ bootId: 'a' })).shared).toBe(true);
    expect(kernelOf(line({ bootId: 'b' }), line({ bootId: 'a' })).shared).toBe(false);
    expect(kernelOf(line({ bootId: null }), line({ bootId: null })).shared).toBe(false);
  });
});

describe('planSubjects', () => {
  const yes: Availability = { available: true, detail: 'd', warnings: ['w'] };
  const no: Availability = { available: false, reason: 'not installed' };
  const isolations: Record<Isolation, Availability> = { container: yes, sandbox: no, vm: yes };
  test('all that the host can do, in order; the rest with its reason', () => {
    const { subjects, skipped } = planSubjects(
      { image: 'x' },
      { name: 'm', description: 'Debian' },
      isolations,
    );
    expect(subjects.map(({ kind }) => kind)).toEqual(['container', 'vm', 'machine']);
    expect(subjects[2]).toMatchObject({ source: { kind: 'machine', name: 'm' }, detail: 'Debian' });
    expect(skipped).toEqual([{ kind: 'sandbox', why: 'not installed' }]);
  });
  test('only what was asked for', () => {
    const { subjects } = planSubjects({ image: 'x', isolations: ['vm', 'container'] }, null, isolations);
    expect(subjects.map(({ kind }) => kind)).toEqual(['container', 'vm']);
  });
  test('refuses what there is not', () => {
    expect(() => planSubjects({ image: 'x', isolations: ['jail'] }, null, isolations)).toThrow(
      '"jail" is no isolation',
    );
    expect(() => planSubjects({ image: 'x', isolations: ['sandbox'] }, null, isolations)).toThrow(
      'sandbox: not installed',
    );
  });
});
