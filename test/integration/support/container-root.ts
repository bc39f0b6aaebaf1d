import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';

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
  'yes',
  'grep',
  'mknod',
];

/** A root filesystem by hand: busybox, two users, three groups. */
export function makeBusyboxRoot(path: string): void {
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
