import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { parseSyncReport } from './conmon.ts';
import { deviceNumbers } from './host-devices.ts';
import { hardOpenFiles } from './host-facts.ts';
import { selectProcesses } from './process-table.ts';
import { explainRefusal } from './refusal.ts';

describe('conmon’s reports', () => {
  test('a pid, and a refusal with escapes', () => {
    expect(parseSyncReport('{"data": 4711}\n')).toEqual({ data: 4711, message: '' });
    expect(parseSyncReport('{"data": -1, "message": "a \\"b\\"\\nc\\u0009d\\n"}')).toEqual({
      data: -1,
      message: 'a "b"\nc\td',
    });
  });

  test('any message comes back; any text is survived', () => {
    fc.assert(
      fc.property(fc.string(), (message) => {
        expect(parseSyncReport(`{"data": -1, "message": ${JSON.stringify(message)}}`)?.message).toBe(
          (JSON.parse(JSON.stringify(message)) as string).trim(),
        );
        parseSyncReport(message);
      }),
    );
  });
});

describe('refusals', () => {
  const status = (message: string, program = 'prog') => explainRefusal(message, [program]).exitCode;

  test('the three runtimes’ words', () => {
    expect(
      status('2026-01-01T00:00:00.1Z: executable file `prog` not found in $PATH: No such file or directory'),
    ).toBe(127);
    expect(status('exec: "prog": executable file not found in $PATH: unknown')).toBe(127);
    expect(
      status(
        'runc create failed: unable to start container process: exec: "/x": stat /x: no such file or directory',
        '/x',
      ),
    ).toBe(127);
    expect(status('open executable: Permission denied')).toBe(126);
    expect(explainRefusal('open executable: Operation not permitted', ['/etc']).text).toContain('"/etc"');
    expect(status('exec: "/etc/passwd": permission denied')).toBe(126);
    expect(status('something else')).toBe(126);
  });

  test('in Docker’s words', () => {
    expect(explainRefusal('executable file `x` not found in $PATH: No such file', ['x']).text).toBe(
      'exec: "x": executable file not found in $PATH',
    );
    expect(explainRefusal('executable file `/x` not found', ['/x']).text).toBe(
      'exec: "/x": no such file or directory',
    );
    expect(explainRefusal('open executable: Permission denied', [''])).toEqual({
      exitCode: 127,
      text: 'exec: "": executable file not found in $PATH',
    });
    expect(explainRefusal('crun: chdir `/a b`: No such file or directory', ['x']).text).toBe(
      'chdir to cwd ("/a b") set in config.json failed: no such file or directory',
    );
  });
});

describe('ps', () => {
  const listing = 'UID   PID  PPID CMD\nroot   1  0 init\nroot  20  1 sleep 10  20\n';

  test('rows of the given pids, the command with its blanks', () => {
    expect(selectProcesses(listing, new Set([20]))).toEqual({
      titles: ['UID', 'PID', 'PPID', 'CMD'],
      rows: [['root', '20', '1', 'sleep 10 20']],
    });
  });

  test('no PID column is refused; any text is survived', () => {
    expect(() => selectProcesses('CMD\ninit\n', new Set([1]))).toThrow('PID column');
    fc.assert(fc.property(fc.string(), (text) => void selectProcesses(`PID X\n${text}`, new Set([1]))));
  });
});

test('hard limit of open files', () => {
  expect(
    hardOpenFiles(
      'Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                20000                files\n',
    ),
  ).toBe(20_000);
  expect(hardOpenFiles('Max open files  unlimited  unlimited files')).toBe(1_048_576);
  fc.assert(fc.property(fc.string(), (text) => hardOpenFiles(text) >= 0));
});

test('device numbers', () => {
  expect(deviceNumbers(0x0801)).toEqual({ major: 8, minor: 1 });
  expect(deviceNumbers(0x10_fe_34)).toEqual({ major: 254, minor: 0x134 });
});
