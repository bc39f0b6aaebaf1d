import { describe, expect, test } from 'bun:test';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const DEFECTS = join(import.meta.dir, 'defects.ts');
const STREAMS = join(import.meta.dir, '../host/stream-server.ts');

/** Runs `body` in a process that is watched over; what it printed, one line each, and its exit status. */
async function watched(body: string): Promise<{ lines: string[]; code: number }> {
  const program = `
    import { watchOver } from ${JSON.stringify(DEFECTS)};
    watchOver(process, { log: (line) => console.log(line.split('\\n')[0]), end: (status) => process.exit(status) });
    setTimeout(() => { console.log('still here'); process.exit(7); }, 500);
    ${body}`;
  const child = Bun.spawn([process.execPath, '-e', program], { stdout: 'pipe', stderr: 'pipe' });
  const [text, code] = await Promise.all([child.stdout.text(), child.exited]);
  return { lines: text.trim().split('\n'), code };
}

const LASTING: readonly [string, string, string][] = [
  [
    'an exception in a callback',
    "setTimeout(() => { throw new Error('boom'); }, 1);",
    'defect: uncaught exception: Error: boom',
  ],
  [
    'an exception in an event',
    "new (require('node:events'))().on('x', () => { throw new Error('boom'); }).emit('x');",
    'defect: uncaught exception: Error: boom',
  ],
  [
    'a promise that nobody awaits',
    "void Promise.reject(new Error('boom'));",
    'defect: unhandled rejection: Error: boom',
  ],
  [
    'an exception while a request is read',
    `const { listenStreams } = await import(${JSON.stringify(STREAMS)});
    const path = ${JSON.stringify(join(tmpdir(), `hull-defects-${process.pid}.sock`))};
    const boom = () => { throw new Error('boom'); };
    listenStreams({ path }, () => ({ data: boom, ended() {}, drained() {}, closed() {} }));
    await Bun.connect({ unix: path, socket: { open: (socket) => void socket.write('x'), data() {} } });
    require('node:fs').unlinkSync(path);`,
    'defect: uncaught exception: Error: boom',
  ],
  ['no error at all', 'void Promise.reject(42);', 'defect: unhandled rejection: 42'],
];

describe('a daemon', () => {
  for (const [what, body, line] of LASTING) {
    test.concurrent(`tells of ${what}, and lives on`, async () => {
      expect(await watched(body)).toEqual({ lines: [line, 'still here'], code: 7 });
    });
  }

  for (const signal of ['SIGUSR1', 'SIGUSR2', 'SIGALRM', 'SIGIO', 'SIGHUP', 'SIGXCPU']) {
    test.concurrent(`tells of ${signal}, and lives on`, async () => {
      const { lines, code } = await watched(`process.kill(process.pid, '${signal}');`);
      expect(lines[0]).toStartWith(`received ${signal}: ignored`);
      expect([lines.at(-1), code]).toEqual(['still here', 7]);
    });
  }

  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT']) {
    test.concurrent(`tells of ${signal}, and ends`, async () => {
      const { lines, code } = await watched(`process.kill(process.pid, '${signal}');`);
      expect([lines, code]).toEqual([[`received ${signal}: shutting down; instances keep running`], 0]);
    });
  }
});
