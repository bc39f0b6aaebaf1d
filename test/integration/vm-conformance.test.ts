import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { Cgroups } from '../../src/host/cgroup.ts';
import { names } from '../../src/model/engine-identity.ts';
import { createHost } from '../../src/host/index.ts';
import { describeRuntime, type RuntimeUnderTest } from '../../src/runtime/conformance.ts';
import { guestKernel } from './vm-fixture.ts';
import { defaultGuestProgram, VmRuntime } from '../../src/runtime/vm/vm-runtime.ts';

const TOOLS = [
  'sh',
  'true',
  'false',
  'cat',
  'echo',
  'sleep',
  'id',
  'pwd',
  'hostname',
  'stty',
  'touch',
  'ls',
  'dd',
  'head',
  'tail',
];

async function open(): Promise<RuntimeUnderTest> {
  const host = createHost();
  const folder = mkdtempSync('/tmp/hull-vmc-');
  const identity = { tag: 'ff03', dataDir: `${folder}/data`, runDir: `${folder}/run` };
  const root = `${folder}/root`;
  for (const path of [identity.dataDir, identity.runDir, `${root}/bin`, `${root}/etc`, `${root}/tmp`])
    mkdirSync(path, { recursive: true });
  await host.exec.must(['cp', '/bin/busybox', `${root}/bin/busybox`]);
  for (const tool of TOOLS) symlinkSync('busybox', `${root}/bin/${tool}`);
  writeFileSync(
    `${root}/etc/passwd`,
    'root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n',
  );
  writeFileSync(`${root}/etc/group`, 'root:x:0:\nalice:x:1000:\nstaff:x:50:alice\n');
  await host.exec.must(['mkfs.erofs', '--quiet', `${folder}/image.erofs`, root]);
  await host.exec.must(['truncate', '-s', '256M', `${folder}/scratch.raw`]);
  await host.exec.must(['mkfs.ext4', '-q', '-F', `${folder}/scratch.raw`]);
  host.namespaces.createNet(`${folder}/netns`);
  const settings = {
    guestProgram: defaultGuestProgram(process.execPath),
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
    network: () => Promise.resolve({ mode: 'none', namespace: `${folder}/netns`, link: null }),
    runDir: identity.runDir,
    close: async () => {
      new Cgroups(host, identity.runDir).group(names.cgroupParent(identity)).remove();
      await host.namespaces.removeNet(`${folder}/netns`);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

describeRuntime('vm (QEMU)', open, { timeout: 90_000 });
