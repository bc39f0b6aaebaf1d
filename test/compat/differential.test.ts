import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { compare, normalise, type Difference } from './differential/compare.ts';
import { KNOWN_DIFFERENCES, type KnownDifference } from './differential/differences.ts';
import { Client, type Answer, type Step } from './differential/exchange.ts';
import { NO_DOCKERD, ReferenceEngine } from './differential/reference-engine.ts';
import { SCENARIOS } from './differential/scenarios.ts';
import { definition } from './support/definition.ts';
import { suiteEngine } from './support/suite.ts';
import { run } from './support/command.ts';

const LONG = 120_000;

/** The same requests to Docker's daemon and to ours: every difference is a known one, with its reason. */
describe.skipIf(NO_DOCKERD !== null)(`differential (skipped where dockerd is not installed)`, () => {
  const { engine, docker } = suiteEngine();
  const reference = new ReferenceEngine();
  const used = new Set<KnownDifference>();
  const fields = definition?.fieldNames ?? new Set<string>();

  beforeAll(async () => {
    await reference.start();
    const archive = join(engine.folder, 'busybox.tar');
    await docker.must(['save', '-o', archive, 'busybox']);
    const loaded = await run(['docker', '-H', `unix://${reference.socket}`, 'load', '-i', archive]);
    if (loaded.code !== 0) throw new Error(`the image could not be loaded: ${loaded.stderr}`);
  }, LONG);
  afterAll(() => reference[Symbol.asyncDispose](), LONG);

  test.each(SCENARIOS.map((scenario) => [scenario.name, scenario] as const))(
    '%s',
    async (_name, { steps }) => {
      const [ours, theirs] = [new Client(engine.socket), new Client(reference.socket)];
      const found: string[] = [];
      for (const step of steps) {
        const answers = await Promise.all([ours.ask(step), theirs.ask(step)]);
        const request = requestText(step);
        for (const difference of differences(step, answers, [ours, theirs])) {
          const known = knownAs(request, difference);
          if (known === undefined) found.push(describeDifference(step, difference));
          else used.add(known);
        }
      }
      expect(found).toEqual([]);
    },
    LONG,
  );

  test('every known difference still is one', () => {
    expect(KNOWN_DIFFERENCES.filter((known) => !used.has(known))).toEqual([]);
  });

  function differences(
    step: Step,
    [mine, other]: readonly [Answer, Answer],
    [ours, theirs]: readonly [Client, Client],
  ): readonly Difference[] {
    const clean = (answer: Answer, { kept }: Client) => ({ ...answer, body: normalise(answer.body, kept) });
    return compare(clean(mine, ours), clean(other, theirs)).filter(
      (difference) => step.method !== 'HEAD' && !isNewerOrOlder(difference),
    );
  }

  /** Docker's daemon here is older than the definition: fields that it lacks and the definition has, and the other way round. */
  function isNewerOrOlder({ place, ours, theirs }: Difference): boolean {
    const name = /\.(\w+)$/.exec(place)?.[1] ?? '';
    if (theirs === undefined) return fields.has(name);
    return ours === undefined && !fields.has(name);
  }
});

function knownAs(request: string, { place, ours, theirs }: Difference): KnownDifference | undefined {
  return KNOWN_DIFFERENCES.find(
    (known) =>
      matches(known.request, request) &&
      matches(known.place, place) &&
      matches(known.ours ?? '*', json(ours)) &&
      matches(known.theirs ?? '*', json(theirs)),
  );
}

const json = (value: unknown) => JSON.stringify(value) ?? 'absent';

function requestText({ method, path, body }: Step): string {
  return `${method} ${path}${body === undefined ? '' : ` ${json(body)}`}`;
}

function matches(pattern: string, text: string): boolean {
  const source = pattern
    .split('*')
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
    .join('.*');
  return new RegExp(`^${source}$`, 's').test(text);
}

function describeDifference(step: Step, { place, ours, theirs }: Difference): string {
  return `${requestText(step)}: ${place}: ours ${json(ours)}, Docker's ${json(theirs)}`;
}
