import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { createHost } from '../../host/index.ts';
import { chooseSandboxRuntime, missingProtections } from './choose.ts';

// One was left in every hierarchy by each daemon's first look, and kept the hierarchies from being unmounted.
test('looking whether a sandbox can run leaves no control groups', async () => {
  const real = createHost();
  const commands: (readonly string[])[] = [];
  const exec = {
    run: async (command: readonly string[]) => {
      commands.push(command);
      return { code: 0, stdout: '', stderr: '' };
    },
    must: real.exec.must.bind(real.exec),
    spawn: real.exec.spawn.bind(real.exec),
    which: (program: string) => `/usr/bin/${program}`,
    sealed: real.exec.sealed.bind(real.exec),
  };
  const folder = mkdtempSync(`${tmpdir()}/choose-`);
  try {
    expect((await chooseSandboxRuntime({ ...real, exec }, folder)).available).toBe(true);
    expect(commands).toHaveLength(1);
    expect(commands[0]?.indexOf('--ignore-cgroups')).toBeLessThan(commands[0]?.indexOf('do') ?? 0);
    expect(commands[0]).toContain('--ignore-cgroups');
    // The next look remembers.
    await chooseSandboxRuntime({ ...real, exec }, folder);
    expect(commands).toHaveLength(1);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('what the host lacks, or has and is not used, is said', () => {
  expect(missingProtections({ seccomp: true, appArmor: false })).toEqual([]);
  expect(missingProtections({ seccomp: false, appArmor: false })).toEqual([
    expect.stringContaining('seccomp'),
  ]);
  expect(missingProtections({ seccomp: true, appArmor: true })).toEqual([
    expect.stringContaining('AppArmor'),
  ]);
});
