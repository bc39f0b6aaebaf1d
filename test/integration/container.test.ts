import { tmpdir } from 'node:os';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { Cgroups } from '../../src/host/cgroup.ts';
import type { Exec } from '../../src/host/host.ts';
import { createHost } from '../../src/host/index.ts';
import { describeRuntime, type RuntimeUnderTest } from '../../src/runtime/conformance.ts';
import { createContainerRuntime, createSandboxRuntime } from '../../src/runtime/container/index.ts';
import { testIdentity } from '../support/identity.ts';
import { makeBusyboxRoot } from './support/container-root.ts';

/** A host on which one program is not installed. */
function hiding(exec: Exec, hidden: string): Exec {
  return {
    run: (command, options) => exec.run(command, options),
    must: (command, options) => exec.must(command, options),
    spawn: (command, options) => exec.spawn(command, options),
    which: (program) => (program === hidden ? null : exec.which(program)),
    sealed: (program) => exec.sealed(program),
  };
}

async function open(create: typeof createContainerRuntime, without?: string): Promise<RuntimeUnderTest> {
  const real = createHost();
  const host = without === undefined ? real : { ...real, exec: hiding(real.exec, without) };
  const folder = mkdtempSync(`${tmpdir()}/hull-run-`);
  const identity = testIdentity(folder);
  const cgroups = new Cgroups(host, identity);
  mkdirSync(identity.runDir, { recursive: true });
  makeBusyboxRoot(`${folder}/root`);
  host.namespaces.createNet(`${folder}/netns`);
  return {
    open: () => create({ host, identity, cgroups }),
    root: async () => ({ kind: 'mounts', path: `${folder}/root` }),
    network: async () => ({ mode: 'none', namespace: `${folder}/netns`, links: [] }),
    runDir: identity.runDir,
    close: async () => {
      await cgroups.leave();
      await host.namespaces.removeNet(`${folder}/netns`);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

describeRuntime('container (crun)', () => open(createContainerRuntime));

describeRuntime('container (runc)', () => open(createContainerRuntime, 'crun'));

describeRuntime('sandbox (gVisor)', () => open(createSandboxRuntime), {
  timeout: 60_000,
  skip: {
    'exec: terminal and resize': 'the release in Debian 12 cannot give an exec a terminal',
  },
});
