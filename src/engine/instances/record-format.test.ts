import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { isHullError } from '../../model/errors.ts';
import { networkOf } from '../../model/instance-status.ts';
import { openDatabase } from '../../state/database.ts';
import { type Fields, readRecord, writeRecord } from '../../state/record-format.ts';
import { configure } from './configure.ts';
import { INSTANCE_FORMAT } from './record-format.ts';
import type { InstanceRecord } from './record.ts';
import { Registry } from './registry.ts';
import { createdRecord } from './transition.ts';

const ID = 'a'.repeat(64);

function record(id = ID, name = 'sample'): InstanceRecord {
  const config = configure(
    {
      source: { kind: 'machine', name: 'debian' },
      command: ['sh'],
      labels: { a: 'b' },
      ports: [{ protocol: 'tcp', containerPort: 80, hostIp: '', hostPort: 0 }],
      resources: { memory: 1 << 28 },
    },
    { id, name, hostname: 'h', image: null, mounts: [], now: 1 },
  );
  return createdRecord(config);
}

const good = JSON.parse(writeRecord(INSTANCE_FORMAT, record())) as Fields;

/** Every path into a value. */
function pathsOf(value: unknown, before: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [before];
  return [before, ...Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, [...before, key]))];
}

function replaced(value: unknown, path: readonly string[], by: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return by;
  const copy = structuredClone(value) as Record<string, unknown>;
  copy[key] = replaced(copy[key], rest, by);
  return copy;
}

describe('the records of instances', () => {
  test('come back as they were written', () => {
    expect(readRecord<InstanceRecord>(INSTANCE_FORMAT, writeRecord(INSTANCE_FORMAT, record()))).toEqual({
      record: record(),
    });
  });

  test('of the first version get the status that they lack', () => {
    const status = {
      state: 'created',
      pid: 0,
      startedAt: null,
      exit: null,
      error: '',
      endpoints: [],
      ports: [],
    };
    const reading = readRecord<InstanceRecord>(INSTANCE_FORMAT, JSON.stringify({ ...record(), status }));
    expect(reading).toEqual({ record: record() });
  });

  test('of a newer version are not guessed at', () => {
    const newer = readRecord(INSTANCE_FORMAT, JSON.stringify({ ...good, recordVersion: 99 }));
    expect(newer).toEqual({ fault: 'its version is 99, and this program knows 2' });
  });

  test('keep fields that this version does not name', () => {
    const reading = readRecord<Fields>(INSTANCE_FORMAT, JSON.stringify({ ...good, later: [1] }));
    expect('record' in reading && reading.record['later']).toEqual([1]);
  });

  test('are never believed with a value of another kind in any place, and never throw', () => {
    const strange = fc.oneof(
      fc.constantFrom(null, [], {}, [[]], true, -1.5, 'text', { a: null }),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(fc.constantFrom(...pathsOf(good)), strange, (path, by) => {
        const reading = readRecord<InstanceRecord>(INSTANCE_FORMAT, JSON.stringify(replaced(good, path, by)));
        if ('fault' in reading) return reading.fault !== '';
        const { config, status } = reading.record;
        // What the engine reads of each record at its start.
        return (
          [...config.mounts, ...config.networks, ...config.ports, ...networkOf(status).endpoints].every(
            (one) => typeof one === 'object',
          ) &&
          typeof config.name === 'string' &&
          typeof status.state === 'string' &&
          Object.values(config.labels).every((label) => typeof label === 'string')
        );
      }),
      { numRuns: 2000 },
    );
  });

  test('of any text whatever are read without an exception', () => {
    const cut = fc.nat(JSON.stringify(good).length - 1).map((end) => JSON.stringify(good).slice(0, end));
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), cut), (text) => {
        const reading = readRecord(INSTANCE_FORMAT, text);
        return 'fault' in reading && reading.fault.length <= 300;
      }),
    );
  });
});

test('one damaged row puts its own instance out of use, and nothing else', () => {
  const database = openDatabase(':memory:');
  const registry = new Registry(database);
  registry.insert(record());
  const [broken, whole] = ['b'.repeat(64), 'c'.repeat(64)];
  registry.insert(record(broken, 'broken'));
  registry.insert(record(whole, 'whole'));
  database.run("UPDATE instances SET record = json_set(record, '$.config.mounts', 7) WHERE id = ?", broken);
  database.run('UPDATE instances SET record = replace(record, ?, ?) WHERE id = ?', whole, ID, whole);
  database.run("UPDATE instances SET record = json_set(record, '$.config.id', ?) WHERE id = ?", ID, whole);

  const next = new Registry(database);
  expect(next.list().map(({ config }) => config.name)).toEqual(['sample']);
  expect([...next.ids()].toSorted()).toEqual([ID, broken, whole]);
  expect(next.damaged.list().map(({ name, fault }) => [name, fault])).toEqual([
    ['broken', expect.stringContaining('config.mounts')],
    ['whole', expect.stringContaining('another instance')],
  ]);
  for (const wanted of ['broken', '/broken', broken, 'bb'])
    expect(codeOf(() => next.get(wanted))).toBe('state-corrupt');
  expect(codeOf(() => next.get('other'))).toBe('instance-not-found');
  // Its name is not given away, and what it may use is in use.
  expect(next.idOfName('broken')).toBe(broken);
  expect(next.damaged.naming('sample')).toBeNull();
  expect(codeOf(() => next.damaged.refuseGuessing('pruning'))).toBe('state-corrupt');
  next.delete(broken);
  next.delete(whole);
  expect(new Registry(database).ids()).toEqual(new Set([ID]));
});

function codeOf(work: () => unknown): string {
  try {
    work();
    return 'nothing';
  } catch (error) {
    return isHullError(error) ? error.code : String(error);
  }
}
