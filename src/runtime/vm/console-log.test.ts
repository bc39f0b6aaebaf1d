import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { ConsoleLog } from './console-log.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync('/tmp/hull-console-');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function open(hardLimit = 1 << 20): { log: ConsoleLog; seen: string[] } {
  const seen: string[] = [];
  const log = new ConsoleLog(`${folder}/raw`, { path: `${folder}/log`, hardLimit }, (data) =>
    seen.push(Buffer.from(data).toString()),
  );
  return { log, seen };
}

const printed = (): string =>
  readFileSync(`${folder}/log`, 'utf8').replaceAll(/^\S+ stdout (?:F (.*\n)|P (.*)\n)/gm, '$1$2');

describe('a console’s log', () => {
  test('is rotated when it has reached its limit, and goes on', () => {
    writeFileSync(`${folder}/raw`, `${'x'.repeat(999)}\n`.repeat(1000).concat('the end\n'));
    open(200_000).log.stop();
    const sizes = ['log', 'log.1', 'log.2'].map((name) => statSync(`${folder}/${name}`).size);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(200_000);
    expect(statSync(`${folder}/log.3`, { throwIfNoEntry: false })).toBeUndefined();
    expect(readFileSync(`${folder}/log`, 'utf8')).toEndWith('the end\n');
  });

  test('has every byte once, across daemons', () => {
    writeFileSync(`${folder}/raw`, 'one\ntw');
    open().log.stop();
    appendFileSync(`${folder}/raw`, 'o\nthree\n');
    const { log, seen } = open();
    log.stop();
    log.stop();
    expect(printed()).toBe('one\ntwo\nthree\n');
    expect(seen.join('')).toBe('o\nthree\n');
  });

  test('begins again when the raw file was emptied by a daemon that died before it noted so', () => {
    writeFileSync(`${folder}/raw`, 'a long first part\n');
    open().log.stop();
    truncateSync(`${folder}/raw`);
    appendFileSync(`${folder}/raw`, 'second\n');
    open().log.stop();
    expect(printed()).toBe('a long first part\nsecond\n');
  });

  test('keeps to its limit, and the raw file to its own', () => {
    writeFileSync(`${folder}/raw`, 'x'.repeat(99).concat('\n').repeat(50_000));
    open(10_000).log.stop();
    expect(statSync(`${folder}/raw`).size).toBe(0);
    expect(statSync(`${folder}/log`, { throwIfNoEntry: false })?.size ?? 0).toBeLessThanOrEqual(10_000);
  });
});
