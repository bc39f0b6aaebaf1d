import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnDetached } from '../host/detached.ts';
import { isHullError } from '../model/errors.ts';
import { dialOnDemand } from './on-demand.ts';

let folder: string;
let path: string;
let starts: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hull-demand-'));
  path = join(folder, 's.sock');
  starts = 0;
});

afterEach(() => rmSync(folder, { recursive: true }));

/** Starts a real process that runs `script`. */
function dialing(script: string, timeout = 5000): ReturnType<typeof dialOnDemand> {
  const start = async () => {
    starts += 1;
    const file = join(folder, 'daemon.js');
    writeFileSync(file, script);
    return spawnDetached([process.execPath, file], join(folder, 'log/daemon.log'));
  };
  return dialOnDemand({ path, start, timeout });
}

/** Listens for a second, then ends by itself. */
const listening = () =>
  `setTimeout(() => { require('node:net').createServer().listen(${JSON.stringify(path)}); setTimeout(() => process.exit(), 1000); }, 50);`;

describe('an engine on demand', () => {
  test('is started once for several connections, which wait for it', async () => {
    const dial = dialing(listening());
    const connections = await Promise.all([dial(), dial(), dial()]);
    expect(starts).toBe(1);
    for (const connection of connections) connection.close();
  });

  test('of several that are started at once, one wins, and the others’ commands turn to it', async () => {
    const lock = JSON.stringify(join(folder, 'lock'));
    // Slow to listen, as on a busy host: longer than the others wait for the folder.
    const script = `try { require('node:fs').mkdirSync(${lock}) } catch { console.error('taken'); process.exit(75) }
      setTimeout(() => { ${listening()} }, 300);`;
    const connections = await Promise.all([1, 2, 3].map(() => dialing(script)()));
    expect(starts).toBe(3);
    for (const connection of connections) connection.close();
  });

  test('is not started where one answers', async () => {
    const first = await dialing(listening())();
    const second = await dialing(listening())();
    expect(starts).toBe(1);
    first.close();
    second.close();
  });

  test('a socket file that a dead one left does not hinder', async () => {
    const script = `const s = require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'));`;
    await dialing(script)().catch(() => undefined);
    const connection = await dialing(
      `require('node:fs').unlinkSync(${JSON.stringify(path)}); ${listening()}`,
    )();
    connection.close();
  });

  test('its last words are in the error when it fails', async () => {
    const failure = await dialing("console.error('no room on the disk'); process.exit(4)")().catch(
      (error: unknown) => error,
    );
    expect(isHullError(failure, 'engine-unreachable')).toBe(true);
    expect(String(failure)).toContain('it ended with status 4');
    expect(String(failure)).toContain('no room on the disk');
  });

  test('one that never answers is given up', async () => {
    const failure = await dialing('setTimeout(() => process.exit(), 400)', 150)().catch(
      (error: unknown) => error,
    );
    expect(String(failure)).toContain('did not answer within 0.15 seconds');
  });
});
