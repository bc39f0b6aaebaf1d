import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { batchOf, recordsOf, type LogRecord } from '../lib/log-batch.ts';
import { encodeFrame } from './framing.ts';
import { encodeBatch } from './log-frames.ts';

const records = fc.array(
  fc.record<LogRecord>({
    stream: fc.constantFrom('stdout', 'stderr'),
    time: fc.constantFrom('2026-01-02T03:04:05.000000006Z', '2026-01-02T03:04:06.000000000Z'),
    data: fc.uint8Array({ maxLength: 40 }),
  }),
);

test('a batch is its records', () => {
  fc.assert(
    fc.property(records, (list) => {
      const plain = (all: readonly LogRecord[]) => all.map((one) => ({ ...one, data: [...one.data] }));
      expect(plain([...recordsOf(batchOf(list))])).toEqual(plain(list));
    }),
  );
});

test('encoded together as each by itself', () => {
  fc.assert(
    fc.property(
      records,
      fc.boolean(),
      fc.boolean(),
      fc.option(fc.string(), { nil: undefined }),
      (list, multiplexed, stamps, details) => {
        const expected = list.flatMap(({ stream, time, data }) => {
          const prefix = (stamps ? `${time} ` : '') + (details === undefined ? '' : `${details} `);
          return multiplexed ? [encodeFrame(stream, data, prefix)] : [Buffer.from(prefix), data];
        });
        const encoded = encodeBatch(batchOf(list), { multiplexed, stamps, details });
        expect(Buffer.from(encoded).equals(Buffer.concat(expected))).toBe(true);
      },
    ),
  );
});
