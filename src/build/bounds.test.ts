import { describe, expect, test } from 'bun:test';
import { isHullError } from '../model/errors.ts';
import { planBuild } from './graph/plan.ts';
import { parseBlueprint } from './parser/parse.ts';

/** Milliseconds of CPU time; the unbounded ones took minutes, or for ever. Cold code on a shared machine takes several times what a daemon takes. */
const SOON = 400;

function lines(count: number, line: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => `${line(index)}\n`).join('');
}

const LETTERS = 'a'.repeat(120);

/** What follows `FROM scratch`; each was slow, or is like one that was. */
const HOSTILE: Readonly<Record<string, string>> = {
  'a pattern that backtracks': `ENV X=${LETTERS}\nENV Y=\${X%*a*a*a*a*a*b}\n`,
  'the same from the front, and everywhere': `ENV X=${LETTERS}\nENV Y=\${X##*a*a*a*a*a*b} Z=\${X//*a*a*a*a*b/c}\n`,
  'many patterns': `ENV X=${LETTERS}\n${lines(3900, () => 'ENV Y=${X%*a*a*a*a*a*b}')}`,
  'a pattern over a long value': `ENV X=${'a'.repeat(60_000)}\nENV Y=\${X//a*a*b/c} Z=\${X%%*a*a*a*b}\n`,
  'values that double': `ENV A=aaaaaaaa\n${lines(100, () => 'ENV A=$A$A')}`,
  'expressions in each other': `ENV Y=${'${A:-'.repeat(10_000)}${'}'.repeat(10_000)}\n`,
  'blanks inside a line': lines(8, () => `RUN a${' '.repeat(60_000)}x`),
  'a directive of blanks': `#escape=${' '.repeat(30_000)}\u2028\nRUN x\n`,
  'all ports, again and again': `EXPOSE ${'1-65535 '.repeat(8000)}\n`,
  'all ports, line by line': lines(3900, () => 'EXPOSE 1-65535'),
  'many variables and steps': `${lines(2000, (index) => `ENV A${index}=b`)}${lines(1900, () => 'RUN x')}`,
  'many labels': lines(3900, (index) => `LABEL a${index}=b`),
  'words that each see many variables': `${lines(1000, (index) => `ENV A${index}=b`)}VOLUME ${'a '.repeat(32_000)}\n`,
  'ONBUILD in ONBUILD': `${'ONBUILD '.repeat(8000)}RUN x\n`,
  'stages in a row': lines(3900, (index) => `FROM scratch AS a${index}`),
  'a long keyword': 'R'.repeat(60_000),
  'more lines than anybody writes': lines(100_000, () => 'ENV A=b'),
};

function cpuOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

describe('a blueprint made to be slow', () => {
  test.each(Object.entries(HOSTILE))('%s: is planned or refused at once', (_, rest) => {
    const used = cpuOf(() => {
      try {
        const platform = { os: 'linux', architecture: 'amd64' };
        const text = rest.startsWith('#') ? `${rest}FROM scratch\n` : `FROM scratch AS first\n${rest}`;
        planBuild(parseBlueprint(text), { args: {}, labels: {}, platform }, () => null);
      } catch (error) {
        expect(isHullError(error, 'blueprint-invalid') || isHullError(error, 'invalid-argument')).toBe(true);
      }
    });
    expect(used).toBeLessThan(SOON);
  });

  test('an honest one has room: 300 steps that each see 100 variables', () => {
    const text = `FROM scratch\n${lines(100, (index) => `ENV A${index}=/opt/tool${index}/bin:$A${index - 1}`.slice(0, 60))}${lines(300, (index) => `RUN make $A${index % 100} \${A${index % 100}%/*}`)}`;
    const platform = { os: 'linux', architecture: 'amd64' };
    const plan = planBuild(parseBlueprint(text), { args: {}, labels: {}, platform }, () => null);
    expect(plan.totalSteps).toBe(401);
  });
});
