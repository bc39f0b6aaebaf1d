import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { Cgroups } from '../../src/host/cgroup.ts';
import { names } from '../../src/model/engine-identity.ts';
import { createHost } from '../../src/host/index.ts';
import { describeRuntime, type RuntimeUnderTest } from '../../src/runtime/conformance.ts';
import { testIdentity } from '../support/identity.ts';
import { makeBusyboxRoot } from './support/container-root.ts';
import { guestKernel } from './vm-fixture.ts';
import { defaultPrograms, VmRuntime } from '../../src/runtime/vm/vm-runtime.ts';

async function open(): Promise<RuntimeUnderTest> {
  const host = createHost();
  const folder = mkdtempSync('/tmp/hull-vmc-');
  const identity = testIdentity(folder);
  const root = `${folder}/root`;
  for (const path of [identity.dataDir, identity.runDir]) mkdirSync(path, { recursive: true });
  makeBusyboxRoot(root);
  await host.exec.must(['mkfs.erofs', '--quiet', `${folder}/image.erofs`, root]);
  await host.exec.must(['truncate', '-s', '256M', `${folder}/scratch.raw`]);
  await host.exec.must(['mkfs.ext4', '-q', '-F', `${folder}/scratch.raw`]);
  host.namespaces.createNet(`${folder}/netns`);
  const settings = {
    ...defaultPrograms(process.execPath),
    accelerator: 'tcg' as const,
    ...guestKernel(identity.dataDir),
  };
  let current: VmRuntime | null = null;
  let disks = 0;
  return {
    open: () => {
      current?.disconnect();
      current = new VmRuntime(host, identity, settings);
      return current;
    },
    root: async () => {
      const path = `${folder}/scratch-${disks++}.qcow2`;
      await host.exec.must(['qemu-img', 'convert', '-O', 'qcow2', `${folder}/scratch.raw`, path]);
      return {
        kind: 'block',
        root: {
          layout: 'layered',
          image: { path: `${folder}/image.erofs`, format: 'raw', readOnly: true, serial: 'image' },
          scratch: { path, format: 'qcow2', readOnly: false, serial: 'scratch' },
        },
      };
    },
    network: () => Promise.resolve({ mode: 'none', namespace: `${folder}/netns`, links: [] }),
    runDir: identity.runDir,
    close: async () => {
      new Cgroups(host, identity).group(names.cgroupParent(identity)).remove();
      await host.namespaces.removeNet(`${folder}/netns`);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

describeRuntime('vm (QEMU)', open, { timeout: 90_000 });
