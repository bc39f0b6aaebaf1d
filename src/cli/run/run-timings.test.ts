import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { parseServerTiming, RunTimings } from './run-timings.ts';

test('steps of the engine stand below those of the command, made ahead or not', () => {
  const timings = new RunTimings();
  timings.mark('created');
  timings.engineSays('ahead-runtime-create;dur=12.1, attach;dur=0.2');
  expect(timings.toString()).toMatch(
    /^since the command began\n +\d+\.\d ms {2}created\nin the engine, since create.*\n +12\.1 ms {2}runtime create\nin the engine, since start\n +0\.2 ms {2}attach\n$/,
  );
});

test('any header is read or skipped', () => {
  fc.assert(
    fc.property(fc.string(), (header) => {
      for (const { at } of parseServerTiming(header)) expect(at).toBeGreaterThanOrEqual(0);
    }),
  );
  expect(parseServerTiming('a;dur=1.5, b;desc="x", c, ;dur=1')).toEqual([{ name: 'a', at: 1.5 }]);
});
