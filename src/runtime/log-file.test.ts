import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { type LogBatch, recordsOf } from '../lib/log-batch.ts';
import { nanosecondsOf } from '../lib/timestamp.ts';
import type { LogQuery } from '../model/log-query.ts';
import { LogRotator, readLog, rotateLog } from './log-file.ts';
import { rotateGrownLog } from './log-rotation.ts';
import { formatLog, type LogLine, logTimeNanoseconds, parseLogLine } from './log-line.ts';

let folder = '';
let path = '';
beforeEach(() => {
  folder = mkdtempSync(`${tmpdir()}/log-`);
  path = `${folder}/log`;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const ALL: LogQuery = { stdout: true, stderr: true, follow: false, tail: null, since: null, until: null };
const START = Date.UTC(2026, 0, 1);

async function read(query: Partial<LogQuery> = {}): Promise<LogLine[]> {
  return (await Array.fromAsync(readLog(path, { ...ALL, ...query }))).flatMap((batch) => [
    ...recordsOf(batch),
  ]);
}

async function texts(query: Partial<LogQuery> = {}): Promise<string[]> {
  return (await read(query)).map(({ data }) => Buffer.from(data).toString());
}

function print(text: string | Uint8Array, stream: 'stdout' | 'stderr' = 'stdout', time = START): void {
  appendFileSync(path, formatLog(stream, typeof text === 'string' ? Buffer.from(text) : text, time));
}

/** As conmon does at its limit: an empty file takes the log's place. */
function replace(): void {
  writeFileSync(`${path}.tmp`, '');
  renameSync(`${path}.tmp`, path);
}

/** Has this process the file open? */
function isOpen(file: string): boolean {
  const { ino } = statSync(file);
  return readdirSync('/proc/self/fd').some(
    (name) => statSync(`/proc/self/fd/${name}`, { throwIfNoEntry: false })?.ino === ino,
  );
}

async function until(condition: () => boolean): Promise<void> {
  for (let count = 0; count < 5000 && !condition(); count += 1) await Bun.sleep(5);
  expect(condition()).toBe(true);
}

describe('log lines', () => {
  test('as conmon writes them, in another time zone too', () => {
    expect(parseLogLine(Buffer.from('2026-11-22T12:39:31.708534235+02:00 stderr F text'))).toEqual({
      stream: 'stderr',
      time: '2026-11-22T10:39:31.708534235Z',
      data: Buffer.from('text\n'),
    });
  });

  test('what is no line is refused, whatever it is', () => {
    for (const text of [
      '',
      'x',
      '2026-11-22T12:39:31Z stdout',
      '2026-11-22T12:39:31Z stdin F x',
      'now stdout F x',
    ]) {
      expect(parseLogLine(Buffer.from(text))).toBeNull();
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => void parseLogLine(bytes)));
  });

  test('times keep their nanoseconds', () => {
    expect(logTimeNanoseconds('1970-01-01T00:00:01.000000002Z')).toBe(1_000_000_002n);
  });
});

describe('readLog', () => {
  test('any bytes come back, stream by stream', async () => {
    const pieces = fc.array(
      fc.record({ stream: fc.constantFrom('stdout', 'stderr'), data: fc.uint8Array({ maxLength: 300 }) }),
    );
    await fc.assert(
      fc.asyncProperty(pieces, async (printed) => {
        rmSync(path, { force: true });
        for (const { stream, data } of printed) print(data, stream);
        for (const stream of ['stdout', 'stderr'] as const) {
          const sent = Buffer.concat(
            printed.filter((piece) => piece.stream === stream).map(({ data }) => data),
          );
          const got = Buffer.concat(
            (await read({ stdout: stream === 'stdout', stderr: stream === 'stderr' })).map(
              ({ data }) => data,
            ),
          );
          expect(got.equals(sent)).toBe(true);
        }
      }),
      { numRuns: 50 },
    );
  });

  test('a tail is the end of the whole, across files and blocks', async () => {
    const lines = Array.from({ length: 3000 }, (_, number) => `line ${number} ${'x'.repeat(number % 90)}\n`);
    lines.forEach((line, number) => {
      if (number === 1000 || number === 2000) rotateLog(path);
      print(line, number % 3 === 0 ? 'stderr' : 'stdout');
    });
    expect(await texts()).toEqual(lines);
    for (const tail of [0, 1, 2, 500, 999, 1000, 1001, 2500, 3000, 9000]) {
      expect(await texts({ tail })).toEqual(tail === 0 ? [] : lines.slice(-tail));
      const errors = lines.filter((_, number) => number % 3 === 0);
      expect(await texts({ tail, stdout: false })).toEqual(tail === 0 ? [] : errors.slice(-tail));
    }
  });

  test('a tail holds a line with all its parts, between which another stream wrote', async () => {
    print('earlier\n');
    print('long ');
    print('other\n', 'stderr');
    print('line\n');
    expect((await texts({ tail: 1 })).join('')).toBe('long line\n');
    expect((await texts({ tail: 2 })).join('')).toBe('long other\nline\n');
  });

  test('an unfinished line counts', async () => {
    print('whole\n');
    print('prompt> ');
    expect(await texts({ tail: 1 })).toEqual(['prompt> ']);
  });

  test('since and until', async () => {
    for (let second = 0; second < 5; second += 1) print(`${second}\n`, 'stdout', START + second * 1000);
    expect(await texts({ since: nanosecondsOf(START + 1000), until: nanosecondsOf(START + 3000) })).toEqual([
      '1\n',
      '2\n',
      '3\n',
    ]);
  });

  test('since and until are exact', async () => {
    const line = (digits: number) => `2026-11-22T12:39:31.70853423${digits}+00:00 stdout F ${digits}\n`;
    appendFileSync(path, [0, 1, 2, 3, 4].map(line).join(''));
    const since = logTimeNanoseconds('2026-11-22T12:39:31.708534231Z');
    expect(await texts({ since, until: since + 1n })).toEqual(['1\n', '2\n']);
  });

  test('no file is an empty log; torn and foreign lines are left out', async () => {
    expect(await texts()).toEqual([]);
    print('good\n');
    appendFileSync(path, 'garbage\n2026-11-22T12:39:3');
    expect(await texts()).toEqual(['good\n']);
    expect(await texts({ tail: 5 })).toEqual(['good\n']);
  });
});

describe('following', () => {
  /** Follows in the background; `stop` returns all lines. */
  function followed(query: Partial<LogQuery> = {}) {
    const abort = new AbortController();
    const seen: string[] = [];
    const done = (async () => {
      for await (const batch of readLog(path, { ...ALL, follow: true, ...query }, abort.signal))
        for (const { data } of recordsOf(batch)) seen.push(Buffer.from(data).toString());
    })();
    const stop = async () => {
      abort.abort();
      await done;
      return seen;
    };
    return { seen, stop };
  }

  test('sees what is appended, and what was written just before the end', async () => {
    print('before\n');
    const { seen, stop } = followed();
    await until(() => seen.length === 1);
    print('after\n');
    await until(() => seen.length === 2);
    print('last words\n');
    expect(await stop()).toEqual(['before\n', 'after\n', 'last words\n']);
  });

  test('a log that comes into being', async () => {
    const { seen, stop } = followed();
    await Bun.sleep(20);
    print('first\n');
    await until(() => seen.length === 1);
    expect(await stop()).toEqual(['first\n']);
  });

  test('is over at once where nothing can come any more, though there be no folder', async () => {
    const batches: LogBatch[] = [];
    const nowhere = join(folder, 'never-made/log');
    for await (const batch of readLog(nowhere, { ...ALL, follow: true }, AbortSignal.abort()))
      batches.push(batch);
    expect(batches).toEqual([]);
  });

  test('tail 0 sees only what is new', async () => {
    print('old\n');
    const { seen, stop } = followed({ tail: 0 });
    await Bun.sleep(50);
    print('new\n');
    await until(() => seen.length > 0);
    expect(await stop()).toEqual(['new\n']);
  });

  test('through rotations, no line lost or repeated', async () => {
    const { seen, stop } = followed();
    const lines = Array.from({ length: 400 }, (_, number) => `line ${number}\n`);
    for (const [number, line] of lines.entries()) {
      if (number > 0 && number % 100 === 0) rotateLog(path, 10);
      print(line);
      if (number % 7 === 0) await Bun.sleep(1);
    }
    await until(() => seen.length >= lines.length);
    expect(await stop()).toEqual(lines);
  });

  test('a reader that is slower than the rotations misses nothing', async () => {
    print('line 0\n');
    const abort = new AbortController();
    const batches = readLog(path, { ...ALL, follow: true }, abort.signal);
    const seen: string[] = [];
    const take = async (): Promise<boolean> => {
      const { value, done } = await batches.next();
      if (done !== true) for (const { data } of recordsOf(value)) seen.push(Buffer.from(data).toString());
      return done === true;
    };
    await take();
    const lines = Array.from({ length: 60 }, (_, number) => `line ${number}\n`);
    for (const line of lines.slice(1)) {
      rotateLog(path, 3);
      print(line);
      await until(() => isOpen(path));
    }
    abort.abort();
    while (!(await take()));
    expect(seen).toEqual(lines);
  });

  test('whatever the pace, what is seen is in order, once, and what was kept is all there', async () => {
    const steps = fc.array(fc.constantFrom('print', 'print', 'rotate', 'read', 'rest'), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(steps, async (plan) => {
        for (const name of readdirSync(folder)) rmSync(`${folder}/${name}`);
        const abort = new AbortController();
        const batches = readLog(path, { ...ALL, follow: true }, abort.signal);
        const seen: number[] = [];
        let reading: Promise<boolean> | null = null;
        const take = async (): Promise<boolean> => {
          const { value, done } = await batches.next();
          if (done !== true)
            for (const { data } of recordsOf(value)) seen.push(Number(Buffer.from(data).toString()));
          reading = null;
          return done === true;
        };
        let printed = 0;
        for (const step of plan) {
          if (step === 'print') print(`${printed++}\n`);
          else if (step === 'rotate' && existsSync(path)) rotateLog(path, 3);
          else if (step === 'read') reading ??= take();
          else if (step === 'rest') await Bun.sleep(1);
        }
        abort.abort();
        await reading;
        while (!(await take()));
        const kept = (await texts()).map(Number);
        expect(seen).toEqual([...new Set(seen)].toSorted((a, b) => a - b));
        expect(seen.slice(seen.length - kept.length)).toEqual(kept);
      }),
      { numRuns: 60 },
    );
  });

  test('a reader that went leaves no descriptor', async () => {
    const open = () => readdirSync('/proc/self/fd').length;
    print('line\n');
    const before = open();
    const batches = readLog(path, { ...ALL, follow: true });
    await batches.next();
    for (let count = 0; count < 5; count += 1) {
      rotateLog(path, 3);
      print('line\n');
      await until(() => isOpen(path));
    }
    expect(open()).toBeGreaterThan(before);
    await batches.return(undefined);
    await until(() => open() <= before);
  });

  test('until is an end', async () => {
    const started = Date.now();
    for await (const _ of readLog(path, { ...ALL, follow: true, until: nanosecondsOf(started + 60) }));
    expect(Date.now() - started).toBeGreaterThanOrEqual(55);
  });
});

describe('rotation', () => {
  test('what the monitor replaces is kept, as many files as asked', async () => {
    print('1\n');
    const rotator = new LogRotator({ files: 3 });
    rotator.watch(path);
    for (let number = 2; number <= 5; number += 1) {
      const before = statSync(path).ino;
      replace();
      await until(
        () => statSync(`${path}.0`).ino !== before && statSync(`${path}.0`).ino === statSync(path).ino,
      );
      print(`${number}\n`);
    }
    rotator.close();
    expect(await texts()).toEqual(['3\n', '4\n', '5\n']);
    expect(readdirSync(folder).toSorted()).toEqual(['log', 'log.0', 'log.1', 'log.2']);
  });

  test('what was replaced while no daemon ran is kept by the next', async () => {
    print('old\n');
    const first = new LogRotator();
    first.watch(path);
    first.close();
    replace();
    print('new\n');
    expect(await texts()).toEqual(['old\n', 'new\n']);
    const second = new LogRotator();
    second.watch(path);
    second.close();
    expect(readFileSync(`${path}.1`, 'utf8')).toContain('old');
    expect(await texts()).toEqual(['old\n', 'new\n']);
  });

  test('a log that has grown is rotated before the next run', () => {
    rotateGrownLog(path, 10);
    print('more than ten bytes\n');
    rotateGrownLog(path, 1000);
    expect(existsSync(`${path}.1`)).toBe(false);
    rotateGrownLog(path, 10);
    expect(existsSync(path)).toBe(false);
    expect(existsSync(`${path}.1`)).toBe(true);
  });
});
