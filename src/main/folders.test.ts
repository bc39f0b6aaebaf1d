import { expect, test } from 'bun:test';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DaemonFolders } from './folders.ts';

test('a killed daemon that nobody has waited for yet holds no folder; a living one does', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hull-folders-'));
  const options = { data: join(folder, 'data'), run: join(folder, 'run'), socket: join(folder, 'socket') };
  // Its first child ends at once, and what it has become does not wait for children.
  const parent = spawn('sh', ['-c', 'sleep 0 & exec sleep 30'], { stdio: 'ignore' });
  try {
    await sleep(300);
    const child = readFileSync(`/proc/${parent.pid}/task/${parent.pid}/children`, 'utf8').trim();
    const stat = readFileSync(`/proc/${child}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    expect(fields[0]).toBe('Z');
    mkdirSync(options.data);
    writeFileSync(join(options.data, 'daemon.pid'), `${child} ${fields[19]}`);
    const folders = DaemonFolders.open(options);
    expect(() => DaemonFolders.open(options)).toThrow('another hull daemon');
    folders.close();
  } finally {
    parent.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  }
});
