import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bunTests, check, testFiles, withTests, type Workplace } from './parts.ts';

const FILES = {
  'src/good.test.ts': `import { test } from 'bun:test'; test('one', () => {}); test('two', () => {});`,
  'src/bad.test.ts': `import { expect, test } from 'bun:test'; test('wrong', () => expect(1).toBe(2)); test.skip('needs a moon', () => {});`,
  'src/broken.test.ts': `throw new Error('cannot be loaded');`,
  'src/crash.test.ts': `import { test } from 'bun:test'; test('exits', () => process.exit(3));`,
  'src/endless.test.ts': `import { test } from 'bun:test'; test('never ends', () => { for (;;); });`,
};
const TIMES = { limit: 5000, timeout: 20_000 };

let place: Workplace;
beforeAll(() => {
  const project = mkdtempSync(join(tmpdir(), 'hull-parts-'));
  mkdirSync(join(project, 'src'));
  for (const [path, text] of Object.entries(FILES)) writeFileSync(join(project, path), text);
  place = { project, logs: join(project, 'logs'), env: process.env, deadline: performance.now() + 60_000 };
});
afterAll(() => rmSync(place.project, { recursive: true }));

describe('bunTests', () => {
  test('counts passed, failed and skipped tests', async () => {
    const outcome = await bunTests(place, 'both', ['./src/good.test.ts', './src/bad.test.ts'], TIMES);
    expect(outcome).toMatchObject({
      passed: 2,
      failed: ['src/bad.test.ts > wrong'],
      skipped: ['src/bad.test.ts > needs a moon'],
    });
    expect(outcome.excerpt).toContain('Expected: 2');
    expect(outcome.excerpt).not.toContain('(pass)');
  });

  test('counts a file that cannot be loaded', async () => {
    const outcome = await bunTests(place, 'load', ['./src/good.test.ts', './src/broken.test.ts'], TIMES);
    expect(outcome).toMatchObject({ passed: 2, failed: ['load: an error outside of any test'] });
  });

  test('counts a runner that dies', async () => {
    const outcome = await bunTests(place, 'crash', ['./src/crash.test.ts'], TIMES);
    expect(outcome).toMatchObject({ passed: 0, failed: ['crash: the runner ended with status 3'] });
  });

  test('kills and counts a runner that hangs', async () => {
    const outcome = await bunTests(place, 'hang', ['./src/endless.test.ts'], { limit: 5000, timeout: 1500 });
    expect(outcome).toMatchObject({ passed: 0, failed: ['hang: the runner did not end in time'] });
  });
});

describe('check', () => {
  test('is one test: the exit status', async () => {
    expect(await check(place, 'fine', ['true'])).toMatchObject({ passed: 1, failed: [] });
    const failed = await check(place, 'not fine', ['sh', '-c', 'echo why; exit 4']);
    expect(failed).toMatchObject({ passed: 0, failed: ['not fine'], excerpt: 'why' });
    expect(await check(place, 'absent', ['no-such-program'])).toMatchObject({ failed: ['absent'] });
  });
});

test('test files are found in order; folders without any are left out', () => {
  expect(testFiles(join(place.project, 'src'))).toEqual([
    'bad.test.ts',
    'broken.test.ts',
    'crash.test.ts',
    'endless.test.ts',
    'good.test.ts',
  ]);
  expect(withTests(place.project, ['src', 'nowhere'])).toEqual(['./src']);
});
