import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { FIELD, FieldWriter, numberField, readFields } from './agent-fields.ts';
import { parseGuestFacts } from './guest-facts.ts';
import { columnsFor, parseProcesses, processTable } from './guest-processes.ts';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { readHead, readTail } from './bounded-read.ts';
import { parseExitRecord } from './vm-record.ts';

function record(stat: string, uid: number, command: string): Uint8Array {
  const body = Buffer.from(`${stat}\0${uid}\0${command}`, 'latin1');
  const head = Buffer.alloc(4);
  head.writeUInt32LE(body.length);
  return Buffer.concat([head, body]);
}

describe('what a guest says', () => {
  test('of files that it writes without end a part is read', () => {
    const folder = mkdtempSync(`${tmpdir()}/hull-part-`);
    try {
      writeFileSync(`${folder}/file`, `begin${'x'.repeat(100_000)}end`);
      expect(readHead(`${folder}/file`, 7)).toBe('beginxx');
      expect(readTail(`${folder}/file`, 5)).toBe('xxend');
      expect(readTail(`${folder}/file`, 200_000)).toHaveLength(100_008);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('fields are read back, and any bytes are read without a throw', () => {
    const written = new FieldWriter().text(FIELD.kernel, '6.1').number(FIELD.state, 2).build();
    const fields = readFields(written);
    expect(Buffer.from(fields.get(FIELD.kernel) ?? []).toString()).toBe('6.1');
    expect(numberField(fields, FIELD.state)).toBe(2);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const [field] of readFields(bytes))
          expect(numberField(readFields(bytes), field, 1000)).toBeLessThanOrEqual(1000);
      }),
    );
  });

  test('processes: names with blanks and brackets, command lines, control characters', () => {
    const stat = '7 (a) b) S 1 7 7 34816 7 0 0 0 0 0 250 50 0 0 20 0 1 0 100 4096000 25 0';
    const [process] = parseProcesses([record(stat, 1000, 'a\0-x\0\u001b[2J\0')]);
    expect(process).toMatchObject({
      pid: 7,
      parent: 1,
      name: 'a) b',
      state: 'S',
      uid: 1000,
      cpu: 3,
      resident: 102_400,
      command: 'a -x  [2J',
    });
    const table = processTable(process === undefined ? [] : [process], ['-o', 'pid,user,tty,time,cmd'], {
      memory: 1 << 20,
      bootedAt: 0,
    });
    expect(table).toEqual({
      titles: ['PID', 'USER', 'TTY', 'TIME', 'CMD'],
      rows: [['7', '1000', 'pts/0', '00:00:03', 'a -x  [2J']],
    });
  });

  test('malformed processes are left out, whatever their bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }), (records) => {
        expect(parseProcesses(records).every((process) => Number.isSafeInteger(process.pid))).toBe(true);
      }),
    );
  });

  test('ps arguments: the usual ones are known, others are refused by name', () => {
    expect(columnsFor([])).toContain('ppid');
    expect(columnsFor(['aux'])).toContain('pcpu');
    expect(columnsFor(['-eo', 'pid,comm'])).toEqual(['pid', 'comm']);
    expect(() => columnsFor(['-o', 'pid,nothing'])).toThrow('"nothing"');
    expect(() => columnsFor(['--forest'])).toThrow('"--forest"');
  });

  test('facts and exit records: numbers are checked, lies are bounded', () => {
    expect(parseGuestFacts([Buffer.from('{"memory":5,"pids":-1,"total":1e400}')])).toEqual({
      memoryUsage: 5,
      memoryInactiveFile: 0,
      memoryTotal: 0,
      pids: 0,
    });
    expect(parseExitRecord('{"code":7,"oomKilled":true,"finishedAt":50}\n', 100)).toEqual({
      code: 7,
      oomKilled: true,
      finishedAt: 50,
    });
    expect(parseExitRecord('{"code":7,"finishedAt":5000}\n', 100)).toEqual({
      code: 7,
      oomKilled: false,
      finishedAt: 100,
    });
    expect(parseExitRecord('{"code":7', 100)).toBeNull();
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (text) => {
        const exit = parseExitRecord(`${text}\n`, 100);
        if (exit !== null) expect(exit.code).toBeWithin(0, 256);
        expect(parseGuestFacts([Buffer.from(text)]).pids).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
