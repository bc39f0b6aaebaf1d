import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { afterSample, type BootSample, type BootWatch, verdictOf } from './boot-patience.ts';

/** The verdict after these samples, one after the other. */
function judged(samples: readonly BootSample[]): string | null {
  const start: BootSample = { at: 0, cpu: 0, said: 0 };
  let watch: BootWatch = { spoke: start, ran: start };
  for (const sample of samples) {
    watch = afterSample(watch, sample);
    const verdict = verdictOf(watch, sample);
    if (verdict !== null) return verdict;
  }
  return null;
}

const seconds = (count: number, sample: (second: number) => Omit<BootSample, 'at'>): BootSample[] =>
  Array.from({ length: count }, (_, second) => ({ at: second * 1000, ...sample(second) }));

describe('a boot', () => {
  test('on a host that hardly lets it run is waited for, however long it takes', () => {
    expect(judged(seconds(1800, (second) => ({ cpu: second * 10, said: 0 })))).toBeNull();
  });

  test('that talks is waited for, whatever it costs', () => {
    expect(
      judged(seconds(600, (second) => ({ cpu: second * 2000, said: Math.floor(second / 20) }))),
    ).toBeNull();
  });

  test('that spins without a word, or does nothing at all, is given up', () => {
    expect(judged(seconds(120, (second) => ({ cpu: second * 1000, said: 1 })))).toContain('of CPU time');
    expect(judged(seconds(120, (second) => ({ cpu: Math.min(second, 5) * 100, said: 1 })))).toContain(
      'done nothing',
    );
  });

  test('is never given up in its first minute', () => {
    const sample = fc.record({ cpu: fc.nat(1000), said: fc.nat(3) });
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 60 }), (steps) => {
        let cpu = 0;
        expect(
          judged(
            steps.map((step, second) => ({ at: second * 1000, cpu: (cpu += step.cpu), said: step.said })),
          ),
        ).toBeNull();
      }),
    );
  });
});
