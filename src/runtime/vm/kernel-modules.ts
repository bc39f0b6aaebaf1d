import { readdirSync, readFileSync } from 'node:fs';
import type { Exec } from '../../host/host.ts';
import { decompress } from './compression.ts';

/** What a kernel module says of itself (its .modinfo section: `key=value` texts, each ended by a zero byte). */
export interface ModuleInfo {
  /** Names of modules that must be loaded before, `-` written as `_`. */
  readonly depends: readonly string[];
}

/** Finds the `.modinfo` texts anywhere in a module file. Never throws: a file that is no module depends on nothing. */
export function parseModuleInfo(file: Uint8Array): ModuleInfo {
  const view = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const names = [...texts(view, 'depends=')].flatMap((text) => text.split(','));
  const soft = [...texts(view, 'softdep=pre:')].flatMap((text) => text.replace(/post:.*$/, '').split(/\s+/));
  return {
    depends: [...new Set([...names, ...soft].filter((name) => /^[\w-]+$/.test(name)).map(moduleName))],
  };
}

function* texts(view: Buffer, key: string): Generator<string> {
  for (let at = view.indexOf(key); at >= 0; at = view.indexOf(key, at + 1)) {
    if (at > 0 && view[at - 1] !== 0) continue;
    const end = view.indexOf(0, at);
    if (end < 0 || end - at > 4096) continue;
    yield view.toString('latin1', at + key.length, end);
  }
}

/** `virtio-rng.ko.xz` and `virtio_rng` are one module: the kernel's names have underscores. */
function moduleName(file: string): string {
  return file.replace(/\.ko(\.\w+)?$/, '').replaceAll('-', '_');
}

/** Module files of a kernel by name; empty when the folder does not exist. */
export function findModules(folder: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const entry of list(folder)) {
    if (/\.ko(\.\w+)?$/.test(entry))
      found.set(moduleName(entry.slice(entry.lastIndexOf('/') + 1)), `${folder}/${entry}`);
  }
  return found;
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' });
  } catch {
    return [];
  }
}

export interface LoadedModule {
  readonly name: string;
  /** Uncompressed. */
  readonly data: Uint8Array;
}

/**
 * The wanted modules and all that they need, dependencies first. A name without a file is taken to be built into the kernel, as most of these
 * are on some distribution. `skip`: names that are loaded already.
 */
export async function moduleClosure(
  wanted: readonly string[],
  files: ReadonlyMap<string, string>,
  skip: ReadonlySet<string>,
  exec: Exec,
  scratch: string,
): Promise<LoadedModule[]> {
  const done = new Set(skip);
  const ordered: LoadedModule[] = [];
  const visit = async (name: string): Promise<void> => {
    if (done.has(name)) return;
    done.add(name);
    const path = files.get(name);
    if (path === undefined) return;
    const data = await decompress(readFileSync(path), exec, scratch);
    for (const dependency of parseModuleInfo(data).depends) await visit(dependency);
    ordered.push({ name, data });
  };
  for (const name of wanted) await visit(name);
  return ordered;
}
