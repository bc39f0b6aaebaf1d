import { readFile, stat } from 'node:fs/promises';
import type { Exec } from '../host/host.ts';
import { packTar, type TarInput } from '../lib/tar/archive.ts';
import type { TarMember } from '../lib/tar/encode.ts';
import { HullError } from '../model/errors.ts';

const FOLDERS: Readonly<Record<string, number>> = {
  bin: 0o755,
  dev: 0o755,
  etc: 0o755,
  home: 0o755,
  proc: 0o755,
  root: 0o700,
  run: 0o755,
  sbin: 0o755,
  sys: 0o755,
  tmp: 0o1777,
  usr: 0o755,
  'usr/bin': 0o755,
  'usr/sbin': 0o755,
  var: 0o755,
  'var/tmp': 0o1777,
};
const FILES: Readonly<Record<string, string>> = {
  'etc/group': 'root:x:0:\ndaemon:x:1:\nusers:x:100:\nnogroup:x:65534:\n',
  'etc/nsswitch.conf': 'hosts: files dns\n',
  'etc/passwd':
    'root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\nnobody:x:65534:65534:nobody:/home:/bin/false\n',
  'etc/shadow': 'root:*:::::::\n',
};

/** A root with the host's static busybox and a link for each of its applets. The same busybox always gives the same archive. */
export async function busyboxTar(
  exec: Exec,
): Promise<{ stream: AsyncIterable<Uint8Array>; date: number; version: string }> {
  const program = exec.which('busybox');
  if (program === null)
    throw new HullError(
      'host-tool-missing',
      'busybox is not installed on this host; install it with: apt-get install busybox-static',
    );
  const body = await readFile(program);
  // A dynamic one asks for its loader, which the image has not.
  if (body.subarray(0, 4096).includes('/lib64/ld-linux') || body.subarray(0, 4096).includes('/lib/ld-')) {
    throw new HullError(
      'host-tool-missing',
      `${program} is not static; install the static one with: apt-get install busybox-static`,
    );
  }
  const { mtimeMs } = await stat(program);
  const date = Math.floor(mtimeMs / 1000);
  const applets = (await exec.must([program, '--list-full']))
    .split('\n')
    .filter((path) => /^[\w./[-]+$/.test(path) && path !== 'bin/busybox');
  const version = (await exec.run([program])).stdout.split('\n')[0] ?? 'BusyBox';
  return { stream: packTar(members(body, applets, BigInt(date) * 1_000_000_000n)), date, version };
}

function members(program: Uint8Array, applets: readonly string[], mtime: bigint): TarInput[] {
  const member = (name: string, type: TarMember['type'], more: Partial<TarMember> = {}): TarMember => ({
    name,
    type,
    mtime,
    ...more,
  });
  return [
    ...Object.entries(FOLDERS).map(([name, mode]) => ({ header: member(name, 'directory', { mode }) })),
    { header: member('bin/busybox', 'file', { mode: 0o755 }), body: program },
    ...applets
      .filter(isPlaced)
      .map((name) => ({ header: member(name, 'hardlink', { linkName: 'bin/busybox', mode: 0o755 }) })),
    ...Object.entries(FILES).map(([name, text]) => ({
      header: member(name, 'file', { mode: name === 'etc/shadow' ? 0o640 : 0o644 }),
      body: new TextEncoder().encode(text),
    })),
  ];
}

/** Some applets name a folder that is no part of this root. */
function isPlaced(name: string): boolean {
  return name.slice(0, name.lastIndexOf('/')) in FOLDERS;
}
