import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describeRuntime } from './conformance.ts';
import { FakeRuntime, FakeWorld } from './fake.ts';

const NO_SHELL = 'the fake has no shell';
const NO_FILES = 'the fake has no root filesystem';

describeRuntime(
  'fake',
  async () => {
    const world = new FakeWorld();
    const runDir = mkdtempSync(`${tmpdir()}/fake-`);
    mkdirSync(runDir, { recursive: true });
    return {
      open: () => new FakeRuntime({ world }),
      root: async () => ({ kind: 'mounts', path: runDir }),
      network: async () => ({ mode: 'none', namespace: '', links: [] }),
      runDir,
      close: async () => rmSync(runDir, { recursive: true, force: true }),
    };
  },
  {
    skip: {
      'terminal: echo, carriage returns, size': NO_SHELL,
      'terminal: resize': NO_SHELL,
      'exec: terminal and resize': NO_SHELL,
      'a program that cannot be executed': NO_FILES,
      'an unknown user': NO_FILES,
      'user, groups, home, working folder, environment': NO_FILES,
      'read-only root': NO_FILES,
      'tmpfs with its size': NO_FILES,
      'bind mounts, read-write and read-only': NO_FILES,
      'a workload that starts processes all the time is paused too': NO_SHELL,
      'the memory limit kills, and says so': 'the fake has no memory limit',
    },
  },
);
