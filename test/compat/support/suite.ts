import { afterAll, afterEach, beforeAll } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import { TestEngine } from '../../support/engine.ts';
import { Docker } from './docker.ts';

const LONG = 180_000;

/**
 * An engine for one suite, with the image `busybox` in it. At the end nothing of it may be left: `hull check` is asked.
 * `data`: see `TestEngine`. `tidy`: containers are removed after each test, so that one that fails does not fail the next.
 */
export function suiteEngine({ tidy = false, data }: { tidy?: boolean; data?: string } = {}): {
  readonly engine: TestEngine;
  readonly docker: Docker;
} {
  const engine = new TestEngine(data === undefined ? {} : { data });
  beforeAll(async () => {
    await engine.start();
    await engine.must(['bootstrap', 'busybox']);
  }, LONG);
  if (tidy) afterEach(() => removeAll(engine));
  afterAll(async () => {
    try {
      await expectClean(engine);
    } finally {
      await engine.destroy();
    }
  }, LONG);
  return { engine, docker: new Docker(engine) };
}

async function expectClean(engine: TestEngine): Promise<void> {
  await removeAll(engine);
  const findings = await engine.findings();
  if (findings !== '')
    throw new Error(`hull check at the end of the suite: ${findings}${processesIn(findings)}`);
}

/** What the processes among the findings are: by their number alone nobody would know. */
function processesIn(findings: string): string {
  return [...findings.matchAll(/^leak +process +(\d+)/gm)]
    .map(([, pid]) => {
      const command = existsSync(`/proc/${pid}/cmdline`)
        ? readFileSync(`/proc/${pid}/cmdline`, 'utf8')
        : 'gone';
      return `\nprocess ${pid}: ${command.replaceAll('\0', ' ')}`;
    })
    .join('');
}

async function removeAll(engine: TestEngine): Promise<void> {
  const ids = (await engine.must(['ps', '-aq'])).split('\n').filter((id) => id !== '');
  if (ids.length > 0) await engine.must(['rm', '-f', '-v', ...ids]);
}
