import { closeSync, constants, fstatSync } from 'node:fs';
import { posix } from 'node:path';
import type { Host } from '../../host/host.ts';
import type { Destination } from './layout.ts';
import { realPathInRoot } from './source-tree.ts';

/** What a destination path is in a stage, links followed inside the stage's root. */
export function findDestination(host: Host, root: string, path: string): Destination {
  const names = posix
    .normalize(path)
    .split('/')
    .filter((name) => name !== '');
  for (let known = names.length; known >= 0; known -= 1) {
    const real = realPathInRoot(host, root, names.slice(0, known).join('/'));
    if (real === null) continue;
    const rest = names.slice(known);
    const missing = rest.map((_, index) =>
      [real, ...rest.slice(0, index + 1)].filter((part) => part !== '').join('/'),
    );
    const whole = missing.at(-1) ?? real;
    return { path: whole, missing, isFolder: rest.length === 0 && isFolder(host, root, real) };
  }
  return { path: '', missing: [], isFolder: true };
}

function isFolder(host: Host, root: string, path: string): boolean {
  const descriptor = host.files.openInRoot(root, `/${path}`, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return fstatSync(descriptor).isDirectory();
  } finally {
    closeSync(descriptor);
  }
}
