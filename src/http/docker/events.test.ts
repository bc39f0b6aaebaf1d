import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { EngineEvent } from '../../engine/api.ts';
import { Filters } from '../filters.ts';
import { eventMessage, matchesEvent } from './events.ts';

const NAMES = [
  'container',
  'volume',
  'network',
  'daemon',
  'image',
  'type',
  'event',
  'label',
  'scope',
  'plugin',
];

const event = (
  type: EngineEvent['type'],
  action: string,
  id: string,
  attributes: Readonly<Record<string, string>> = {},
): EngineEvent => ({ type, action, actor: { id, attributes }, timeNano: 1_795_370_217_706_482_261n });

const started = event('container', 'start', 'abcdef', { name: 'web', image: 'nginx:1.25', tier: 'front' });
const healthy = event('container', 'health_status: healthy', 'abcdef', { name: 'web' });
const mounted = event('volume', 'mount', 'data', { container: 'abcdef' });
const tagged = event('image', 'tag', 'sha256:12', { name: 'host:5000/app:v1' });

describe('matchesEvent', () => {
  test.each([
    [started, {}, true],
    [started, { container: ['web'] }, true],
    [started, { container: ['abc'] }, true],
    // By its beginning, as Docker's: a name too.
    [started, { container: ['we'] }, true],
    [started, { container: ['db'] }, false],
    [started, { type: ['volume', 'container'] }, true],
    [started, { event: ['die', 'start'] }, true],
    [started, { event: ['star'] }, false],
    [healthy, { event: ['health_status'] }, true],
    [healthy, { event: ['health_status: healthy'] }, true],
    [healthy, { event: ['health_status: unhealthy'] }, false],
    [started, { label: ['tier=front'] }, true],
    [started, { label: ['tier', 'name=db'] }, false],
    [started, { image: ['nginx'] }, true],
    [started, { image: ['nginx:1.25'] }, true],
    [started, { image: ['nginx:1'] }, false],
    [tagged, { image: ['host:5000/app'] }, true],
    [mounted, { volume: ['data'] }, true],
    [mounted, { container: ['abcdef'] }, false],
    [started, { scope: ['swarm'] }, false],
    [started, { plugin: ['web'] }, true],
  ] as const)('%#', (one, filters, expected) =>
    expect(matchesEvent(one, Filters.of(filters, NAMES))).toBe(expected),
  );

  test('filters add up: one more never lets more pass', () => {
    const filter = fc.record(
      Object.fromEntries(
        NAMES.map((name) => [name, fc.array(fc.constantFrom('web', 'start', 'container', 'abc'))]),
      ),
    );
    fc.assert(
      fc.property(filter, fc.constantFrom(...NAMES), (filters, name) => {
        const { [name]: _removed, ...fewer } = filters;
        if (matchesEvent(started, Filters.of(filters, NAMES)))
          expect(matchesEvent(started, Filters.of(fewer, NAMES))).toBe(true);
      }),
    );
  });
});

test('old fields for what old clients knew, in Docker’s order', () => {
  expect(Object.keys(eventMessage(started)).slice(0, 3)).toEqual(['status', 'id', 'from']);
  expect(Object.keys(eventMessage(tagged)).slice(0, 3)).toEqual(['status', 'id', 'Type']);
  expect(Object.keys(eventMessage(mounted))[0]).toBe('Type');
});
