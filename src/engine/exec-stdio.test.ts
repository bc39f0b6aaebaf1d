import { expect, test } from 'bun:test';
import type { OutputChunk, Stdio } from '../runtime/runtime.ts';
import { endedStdio, endingWith } from './exec-stdio.ts';

const CHUNK: OutputChunk = { stream: 'stdout', data: Uint8Array.of(1) };

function oneChunk(): Stdio {
  return {
    output: (async function* () {
      yield CHUNK;
    })(),
    write: async () => undefined,
    closeInput: async () => undefined,
    detach: () => undefined,
  };
}

/** Reads to the end, noting it in `log`. */
async function drain(stdio: Stdio, log: string[]): Promise<void> {
  for await (const { stream } of stdio.output) log.push(stream);
  log.push('end');
}

test('the output ends after the exit, not before', async () => {
  const exit = Promise.withResolvers<number>();
  const log: string[] = [];
  const drained = drain(endingWith(oneChunk(), exit.promise), log);
  await Bun.sleep(5);
  expect(log).toEqual(['stdout']);
  exit.resolve(4);
  await drained;
  expect(log).toEqual(['stdout', 'end']);
});

test('a client that leaves does not wait for the exit', async () => {
  const stdio = endingWith(oneChunk(), new Promise(() => undefined));
  const log: string[] = [];
  const drained = drain(stdio, log);
  await Bun.sleep(5);
  stdio.detach();
  await drained;
  expect(log).toEqual(['stdout', 'end']);
});

test('a connection to what has just ended is an ended one; any other failure stays one', async () => {
  const gone = Object.assign(new Error('no such file'), { code: 'ENOENT' });
  const { output } = endedStdio(gone);
  expect((await output[Symbol.asyncIterator]().next()).done).toBe(true);
  expect(() => endedStdio(new Error('other'))).toThrow('other');
});
