import { expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SealedPrograms } from './sealed-programs.ts';

test('a program runs from its sealed copy, which nobody can write, until the program is another one', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hull-sealed-'));
  try {
    const program = join(folder, 'program');
    copyFileSync('/bin/echo', program);
    const programs = new SealedPrograms();
    const sealed = programs.path(program);
    expect(sealed).toStartWith('/proc/');
    expect(programs.path(program)).toBe(sealed);
    expect(spawnSync(sealed, ['hello']).stdout.toString()).toBe('hello\n');
    expect(() => writeFileSync(sealed, 'x')).toThrow();
    copyFileSync('/bin/pwd', program);
    const renewed = programs.path(program);
    expect(spawnSync(renewed, { cwd: '/' }).stdout.toString()).toBe('/\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
