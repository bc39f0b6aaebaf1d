import { dirname, join, normalize } from 'node:path/posix';
import { lineAt, withoutComments, type SourceFile } from './source-files.ts';

/**
 * The direction of imports:
 *
 *   main -> cli | http -> engine -> runtime/* images storage network build state -> host -> lib, model
 *
 * A room is a folder of src/. Rooms beside each other see only each other's contracts: files that hold interfaces and no work.
 */
export const CONTRACTS: ReadonlySet<string> = new Set([
  'src/build/cache.ts',
  'src/build/types.ts',
  'src/images/image-store.ts',
  'src/network/network.ts',
  'src/runtime/runtime.ts',
  'src/state/repositories.ts',
  'src/storage/content.ts',
  'src/storage/files/files.ts',
  'src/storage/layer-store.ts',
  'src/storage/storage.ts',
  'src/storage/volumes/volume-store.ts',
  'src/storage/trees.ts',
]);

/** The use cases, as interfaces: what `http/` calls. No room below the engine sees them. */
export const API = 'src/engine/api.ts';
const CALLS_API: ReadonlySet<string> = new Set(['http', 'http/docker', 'http/native']);

/** The middle layer: rooms that know each other by contract alone. A room that is to come (see ARCHITECTURE.md) gets its line with its folder. */
const MIDDLE = [
  'runtime',
  'runtime/container',
  'runtime/vm',
  'images',
  'storage',
  'network',
  'build',
  'state',
];

const BASE = ['lib', 'model'];

/** What each room may import besides itself and the contracts. `api` is the wire, outside src/. */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  api: ['model'],
  model: [],
  lib: ['model'],
  host: BASE,
  ...Object.fromEntries(MIDDLE.map((room) => [room, ['host', ...BASE]])),
  'runtime/container': ['runtime', 'host', ...BASE],
  'runtime/vm': ['runtime', 'host', ...BASE],
  engine: [...MIDDLE, 'host', ...BASE],
  client: ['api', 'host', ...BASE],
  cli: ['client', 'api', 'host', ...BASE],
  // Its server puts the two interfaces together.
  http: ['http/docker', 'http/native', 'http/wire', 'api', 'host', ...BASE],
  'http/wire': ['http', 'host', ...BASE],
  'http/docker': ['http', 'api', 'host', ...BASE],
  'http/native': ['http', 'api', 'host', ...BASE],
  main: ['cli', 'client', 'http', 'http/docker', 'http/native', 'engine', 'api', ...MIDDLE, 'host', ...BASE],
};

/** Modules of the runtime that compute, and those that tell facts of the machine (`node:os`): for every room but `model`. */
const HARMLESS: ReadonlySet<string> = new Set(
  ['crypto', 'events', 'os', 'path', 'readline', 'readline/promises', 'stream', 'stream/promises']
    .concat(['timers/promises', 'url', 'util', 'zlib'])
    .map((name) => `node:${name}`),
);

/** The rooms that read and write files themselves. What belongs to no file of their own is behind `host.ts`: mounts, kernel objects, system calls. */
const FILES = ['host', ...MIDDLE, 'engine', 'http', 'cli', 'main'];

/** Modules that act on the machine, and the rooms that may. `bun:` modules and what stands nowhere here belong to `host`. */
export const ACTS_ON_THE_MACHINE: Readonly<Record<string, readonly string[]>> = {
  'node:child_process': ['host'],
  'node:tls': ['host'],
  'node:worker_threads': ['host', 'network'],
  'node:sqlite': ['state'],
  'node:http': ['images'],
  'node:https': ['images'],
  'node:dgram': ['network'],
  'node:dns/promises': ['storage'],
  'node:net': ['network', 'runtime/vm', 'images', 'engine', 'http', 'http/docker', 'main'],
  'node:fs': FILES,
  'node:fs/promises': FILES,
};

/** Rooms that work on values alone, or speak to nobody: they see no contract of a room above them. */
const SEES_NO_CONTRACT: ReadonlySet<string> = new Set(['api', 'model', 'lib', 'host', 'client', 'cli']);

export interface Import {
  readonly file: string;
  readonly line: number;
  readonly specifier: string;
}

/** Every static, dynamic, re-exporting and type-only import of a file. */
export function importsOf(file: SourceFile): Import[] {
  const code = withoutComments(file.text);
  const forms = [
    /(?:^|[;\n])\s*(?:import|export)\s(?:[^;'"`]*?\sfrom\s*)?(['"])(?<specifier>[^'"\n]+)\1/g,
    /\b(?:import|require)\s*\(\s*(['"`])(?<specifier>[^'"`\n]+)\1/g,
  ];
  return forms
    .flatMap((form) => [...code.matchAll(form)])
    .map((match) => ({
      file: file.path,
      line: lineAt(code, match.index + match[0].length),
      specifier: match.groups?.['specifier'] ?? '',
    }));
}

/** Why the import is against the rules, or null. */
export function violation(found: Import): string | null {
  const room = roomOf(found.file);
  const rule = room === null ? undefined : MAY_IMPORT[room];
  const at = `${found.file}:${found.line} imports ${found.specifier}:`;
  if (room === null || rule === undefined)
    return `${at} the folder is no room of the design; give it a rule in import-rules.ts`;
  if (!found.specifier.startsWith('.')) {
    const reason = outsideViolation(room, found.specifier);
    return reason === null ? null : `${at} ${reason}`;
  }
  // What the build puts into the executable beside the code.
  if (room === 'main' && found.specifier.includes('/dist/guest/')) return null;
  if (!found.specifier.endsWith('.ts') && !/\.(json|html|css|txt)$/.test(found.specifier))
    return `${at} write the file's ending`;
  const target = normalize(join(dirname(found.file), found.specifier));
  const targetRoom = roomOf(target);
  if (targetRoom === room || (targetRoom !== null && rule.includes(targetRoom))) return null;
  if (target === API && CALLS_API.has(room)) return null;
  if (CONTRACTS.has(target) && !SEES_NO_CONTRACT.has(room)) return null;
  const allowed = [...rule, ...(SEES_NO_CONTRACT.has(room) ? [] : ['contracts'])].join(', ') || 'nothing';
  return `${at} ${room} may import ${allowed}, not ${targetRoom ?? target}`;
}

function outsideViolation(room: string, specifier: string): string | null {
  if (room === 'model' && specifier !== 'node:path')
    return 'model is pure: it uses neither the system nor packages';
  const isPackage = !/^(?:node|bun):/.test(specifier);
  if (isPackage || HARMLESS.has(specifier)) return null;
  const rooms = ACTS_ON_THE_MACHINE[specifier] ?? ['host'];
  return rooms.includes(room) ? null : `${specifier} belongs to ${rooms.join(', ')} alone`;
}

/** `src/runtime/vm/qmp.ts` -> `runtime/vm`; null outside src/ and api/. */
export function roomOf(path: string): string | null {
  if (path.startsWith('api/')) return 'api';
  const match = /^src\/((?:runtime|http)\/[^/]+(?=\/)|[^/]+)\//.exec(path);
  return match?.[1] ?? null;
}

/** Uses of the Bun global outside the one room that may. Type positions count too: they tie the file to the runtime all the same. */
export function bunGlobals(file: SourceFile): string[] {
  if (roomOf(file.path) === 'host') return [];
  const code = withoutComments(file.text);
  return [...code.matchAll(/\bBun\s*\.\s*\w+/g)].map(
    (match) =>
      `${file.path}:${lineAt(code, match.index)} uses ${match[0]}: Bun's own interface belongs to src/host alone`,
  );
}
