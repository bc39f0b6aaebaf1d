import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { recordsOf } from '../lib/log-batch.ts';
import { parseLogLine } from './log-line.ts';
import { parseLogLines } from './log-parse.ts';

const TIMES = [
  '2026-11-22T12:39:31.708534235+00:00',
  '2026-11-22T12:39:31.708534235-05:30',
  '2026-11-22T12:39:31.708534235Z',
  '2026-11-22T12:39:31Z',
  '2026-11-22T12:39:31.7+01:00',
  'yesterday',
];
const text = fc.string({ maxLength: 60 }).map((line) => line.replaceAll('\n', ' '));
const line = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(...TIMES),
      fc.constantFrom('stdout', 'stderr', 'stdin'),
      fc.constantFrom('F', 'P', 'X'),
      text,
    )
    .map((parts) => parts.join(' ')),
  text,
);

test('lines parsed together as each by itself', () => {
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const bytes = Buffer.from(lines.map((each) => `${each}\n`).join(''));
      const expected = lines.flatMap((each) => parseLogLine(Buffer.from(each)) ?? []);
      const found = [...recordsOf(parseLogLines(bytes, 0, () => true))];
      expect(found.map((each) => ({ ...each, data: Buffer.from(each.data).toString() }))).toEqual(
        expected.map((each) => ({ ...each, data: Buffer.from(each.data).toString() })),
      );
    }),
    { numRuns: 1000 },
  );
});

test('who chooses is told the stream, the place in the file, and the time', () => {
  const lines = [
    '2026-11-22T12:39:31.708534235+00:00 stdout F a',
    '2026-11-22T12:39:32.000000000+00:00 stderr P b',
  ];
  const bytes = Buffer.from(`${lines.join('\n')}\n`);
  const seen: unknown[] = [];
  const batch = parseLogLines(bytes, 1000, (stream, offset, read) => {
    seen.push([stream, offset, read()?.time]);
    return stream === 'stderr';
  });
  expect(seen).toEqual([
    ['stdout', 1000, '2026-11-22T12:39:31.708534235Z'],
    ['stderr', 1000 + 47, '2026-11-22T12:39:32.000000000Z'],
  ]);
  expect([...recordsOf(batch)].map(({ data }) => Buffer.from(data).toString())).toEqual(['b']);
});
