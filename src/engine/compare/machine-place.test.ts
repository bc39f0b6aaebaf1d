import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Stdio } from '../../runtime/runtime.ts';
import { type MachineConsole, MachinePlace } from './machine-place.ts';
import { numberOf } from './throughput.ts';

const PROGRAM = resolve(import.meta.dirname, '../../../dist/guest/hull-measure');
const found = existsSync(PROGRAM) && existsSync('/bin/bash');

let folder: string;
let shells: ChildProcess[];
let typed: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'machine-place-'));
  shells = [];
  typed = [];
});

afterEach(() => {
  endShells();
  rmSync(folder, { recursive: true, force: true });
});

/** The console of a machine whose shell runs here: what is typed is run by bash. */
function consoleHere(run: (line: string) => void): MachineConsole {
  const stdio: Stdio = {
    output: (async function* () {})(),
    write: (data) => {
      const line = new TextDecoder().decode(data);
      typed.push(line);
      run(line);
      return Promise.resolve();
    },
    closeInput: () => Promise.resolve(),
    detach: () => undefined,
  };
  return { stdio, address: '127.0.0.1', gateway: '127.0.0.1', folder };
}

function bash(line: string): void {
  shells.push(spawn('/bin/bash', ['-c', line], { stdio: 'ignore', detached: true }));
}

/** With everything that they run: each has a process group of its own. */
function endShells(): void {
  for (const { pid } of shells.splice(0)) {
    try {
      if (pid !== undefined) process.kill(-pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
}

describe.skipIf(!found)('a machine’s shell (skipped without bash or the measuring program)', () => {
  test('gets the program whole and runs it', async () => {
    await using place = await MachinePlace.open(consoleHere(bash), PROGRAM);
    expect(typed).toHaveLength(1);
    expect(readFileSync(join(folder, 'hull-measure')).equals(readFileSync(PROGRAM))).toBe(true);
    const lines: string[] = [];
    const line = await place.measure(['cpu', '5'], (one) => lines.push(one));
    expect(numberOf(line, 'operations')).toBeGreaterThan(0);
    expect(lines).toEqual([line]);
    await place.measure(['disk-write', place.scratch, '1']);
    expect(numberOf(await place.measure(['disk-read', place.scratch]), 'bytes')).toBe(1 << 20);
  });

  test('a measurement that fails says what the program said, and the next one works', async () => {
    await using place = await MachinePlace.open(consoleHere(bash), PROGRAM);
    await expect(place.measure(['disk-read', '/no/such/file'])).rejects.toThrow(
      'ended with status 1: hull-measure: /no/such/file',
    );
    expect(await place.measure(['kernel'])).toContain('"release"');
  });

  test('a shell that goes ends the measurement', async () => {
    await using place = await MachinePlace.open(consoleHere(bash), PROGRAM);
    const measuring = place.measure(['cpu', '60000']);
    await new Promise((done) => setTimeout(done, 100));
    endShells();
    await expect(measuring).rejects.toThrow('the machine’s shell closed the connection');
  });

  test('an address that is not the machine’s is turned away; an abort ends the waiting', async () => {
    const gone = new AbortController();
    let refused: Promise<void> | null = null;
    const stranger = (line: string): void => {
      const port = Number(/\/dev\/tcp\/[\d.]+\/(\d+)/.exec(line)?.[1]);
      const socket = connect({ host: '127.0.0.1', port, localAddress: '127.0.0.2' });
      refused = new Promise((done) => void socket.on('error', () => undefined).on('close', () => done()));
    };
    const opening = MachinePlace.open(consoleHere(stranger), PROGRAM, gone.signal);
    opening.catch(() => undefined);
    while (refused === null) await new Promise((done) => setTimeout(done, 5));
    await refused;
    gone.abort(new Error('the client has gone'));
    await expect(opening).rejects.toThrow('the client has gone');
  });
});
