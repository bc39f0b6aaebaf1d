import { expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Runs a line of shell with the scripts' shared functions, as strictly as the scripts do. */
function shell(line: string) {
  const script = `set -euo pipefail; source "${join(import.meta.dirname, 'lib.sh')}"; ${line}`;
  return spawnSync('bash', ['-c', script], { encoding: 'utf8' });
}

test('a package that the host has never heard of is missing, one that it has is not', () => {
  const run = shell(
    'mapfile -t missing < <(missing_packages bash no-such-package dpkg); echo "${missing[*]}"',
  );
  expect(run.stderr).toBe('');
  expect(run.stdout).toBe('no-such-package\n');
  expect(shell('missing_packages bash dpkg').stdout).toBe('');
});

test('a command that fails quietly shows the end of its log and keeps its status', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hull-lib-'));
  try {
    const run = shell(`quietly "${folder}/logs/x.log" sh -c 'seq 100; exit 7'`);
    expect(run.status).toBe(7);
    expect(run.stdout).toBe('');
    expect(run.stderr).toContain('\n100\n');
    expect(run.stderr).not.toContain('\n59\n');
    expect(run.stderr).toContain('failed with status 7');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
