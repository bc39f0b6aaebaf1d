import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { BUDGET_LIMITS, ClientBudgets } from './budget.ts';

describe('what each client of the resolver has', () => {
  test('nobody takes what those need who have few, however many ask for much', () => {
    const { forwarded } = new ClientBudgets();
    for (let greedy = 0; greedy < 100; greedy += 1)
      for (let query = 0; query < 500; query += 1) forwarded.take(`greedy ${greedy}`);
    expect(forwarded.take('greedy 0')).toBe(false);
    expect(['a', 'b', 'c'].map((quiet) => forwarded.take(quiet))).toEqual([true, true, true]);
  });

  test('counts never go wrong', () => {
    const client = fc.constantFrom('a', 'b', 'c');
    const limits = { all: 10, each: 4, kept: 4, few: 1 };
    fc.assert(
      fc.property(fc.array(fc.tuple(client, fc.boolean()), { maxLength: 200 }), (steps) => {
        const { forwarded } = new ClientBudgets({ ...BUDGET_LIMITS, forwarded: limits });
        const held = new Map<string, number>();
        for (const [who, takes] of steps) {
          const own = held.get(who) ?? 0;
          const all = [...held.values()].reduce((sum, count) => sum + count, 0);
          if (takes) {
            const may =
              all < limits.all && own < limits.each && (all < limits.all - limits.kept || own < limits.few);
            expect(forwarded.take(who)).toBe(may);
            if (may) held.set(who, own + 1);
          } else if (own > 0) {
            forwarded.give(who);
            held.set(who, own - 1);
          }
        }
      }),
    );
  });

  test('queries beyond the rate are dropped, those of others are not, and time gives them back', () => {
    let now = 0;
    const budgets = new ClientBudgets({ ...BUDGET_LIMITS, rate: 10, burst: 5 }, () => now);
    const admitted = (who: string, count: number): number =>
      Array.from({ length: count }, () => budgets.admits(who)).filter(Boolean).length;
    expect([admitted('a', 100), admitted('b', 3)]).toEqual([5, 3]);
    now = 200;
    expect(admitted('a', 100)).toBe(2);
    now = 1e6;
    expect(admitted('a', 100)).toBe(5);
  });
});
