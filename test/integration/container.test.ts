import { tmpdir } from 'node:os';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { Cgroups } from '../../src/host/cgroup.ts';
import { createHost } from '../../src/host/index.ts';
import { describeRuntime, type RuntimeUnderTest } from '../../src/runtime/conformance.ts';
import { createContainerRuntime, createSandboxRuntime } from '../../src/runtime/container/index.ts';

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

/** A root filesystem by hand: busybox, two users, three groups. */
function makeRoot(path: string): void {
  for (const folder of ['bin', 'etc', 'proc', 'sys', 'dev', 'tmp', 'root'])
    mkdirSync(`${path}/${folder}`, { recursive: true });
  copyFileSync('/bin/busybox', `${path}/bin/busybox`);
  for (const tool of TOOLS) symlinkSync('busybox', `${path}/bin/${tool}`);
  writeFileSync(
    `${path}/etc/passwd`,
    'root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n',
  );
  writeFileSync(`${path}/etc/group`, 'root:x:0:\nalice:x:1000:\nstaff:x:50:alice\n');
}

/** `tag` differs from any engine's that may run on this host: its control groups are this test's alone. */
async function open(tag: string, create: typeof createContainerRuntime): Promise<RuntimeUnderTest> {
  const host = createHost();
  const folder = mkdtempSync(`${tmpdir()}/hull-run-`);
  const identity = { tag, dataDir: `${folder}/data`, runDir: `${folder}/run` };
  const cgroups = new Cgroups(host, identity.runDir);
  mkdirSync(identity.runDir, { recursive: true });
  makeRoot(`${folder}/root`);
  host.namespaces.createNet(`${folder}/netns`);
  return {
    open: () => create({ host, identity, cgroups }),
    root: async () => ({ kind: 'mounts', path: `${folder}/root` }),
    network: async () => ({ mode: 'none', namespace: `${folder}/netns`, link: null }),
    runDir: identity.runDir,
    close: async () => {
      cgroups.group(`hull-${tag}`).remove();
      await cgroups.restore();
      await host.namespaces.removeNet(`${folder}/netns`);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

describeRuntime('container (crun)', () => open('ff01', createContainerRuntime));

const SANDBOX_CGROUP = 'gVisor keeps its own accounts; the host group of a sandbox is not used on v1 hosts';
describeRuntime('sandbox (gVisor)', () => open('ff02', createSandboxRuntime), {
  skip: { 'the memory limit kills, and says so': SANDBOX_CGROUP },
  timeout: 60_000,
});
