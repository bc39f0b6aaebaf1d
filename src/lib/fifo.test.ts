import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { Fifo } from './fifo.ts';

test('as an array that is shifted', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer({ min: 1, max: 3000 }))), (steps) => {
      const fifo = new Fifo<number>();
      const model: number[] = [];
      let next = 0;
      for (const step of steps) {
        // A number is so many pushes; null so many takes as there were in all, and one from nothing.
        for (let count = 0; count < (step ?? 0); count++) {
          fifo.push(next);
          model.push(next++);
        }
        const takes = step === null ? model.length + 1 : Math.floor(step / 2);
        for (let count = 0; count < takes; count++) expect(fifo.shift()).toBe(model.shift());
        expect(fifo.length).toBe(model.length);
      }
    }),
    { numRuns: 30 },
  );
});
