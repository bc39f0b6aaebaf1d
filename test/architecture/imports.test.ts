import { describe, expect, test } from 'bun:test';
import {
  ACTS_ON_THE_MACHINE,
  bunGlobals,
  CONTRACTS,
  importsOf,
  MAY_IMPORT,
  roomOf,
  violation,
} from './import-rules.ts';
import { isTest, sourceFiles, type SourceFile } from './source-files.ts';

const files = sourceFiles('src', 'api').filter((file) => !isTest(file.path));

function violations(file: SourceFile): string[] {
  return importsOf(file)
    .map(violation)
    .filter((found) => found !== null);
}

describe('imports', () => {
  test('go down the layers', () => {
    expect(files.length).toBeGreaterThan(0);
    expect(files.flatMap(violations)).toEqual([]);
  });

  test('the table names rooms and contracts that exist', () => {
    const paths = new Set(files.map(({ path }) => path));
    const lost = [
      ...Object.keys(MAY_IMPORT).filter(
        (room) => !files.some(({ path }) => path.startsWith(room === 'api' ? 'api/' : `src/${room}/`)),
      ),
      ...[...CONTRACTS].filter((path) => !paths.has(path)),
    ];
    expect(lost).toEqual([]);
  });

  test('the table of modules that act on the machine names rooms that use them', () => {
    const used = new Set(
      files.flatMap(importsOf).map(({ file, specifier }) => `${specifier} ${roomOf(file)}`),
    );
    const idle = Object.entries(ACTS_ON_THE_MACHINE)
      .flatMap(([module, rooms]) => rooms.map((room) => `${module} ${room}`))
      .filter((pair) => !used.has(pair) && !pair.startsWith('node:fs'));
    expect(idle).toEqual([]);
  });

  test('Bun’s own interface is used in src/host alone', () => {
    expect(files.flatMap(bunGlobals)).toEqual([]);
  });
});

describe('the checker', () => {
  const planted = (path: string, text: string) => violations({ path, text });

  test.each([
    ['src/model/a.ts', `import { x } from '../lib/x.ts';`, 'model may import nothing, not lib'],
    ['src/model/a.ts', `import { readFileSync } from 'node:fs';`, 'model is pure'],
    ['src/lib/a.ts', `import type {\n  X,\n} from '../host/host.ts';`, 'lib may import model, not host'],
    ['src/network/a.ts', `import { OverlayStorage } from '../storage/overlay.ts';`, 'not storage'],
    ['src/runtime/vm/a.ts', `import { spec } from '../container/spec.ts';`, 'not runtime/container'],
    ['src/storage/a.ts', `export * from '../engine/engine.ts';`, 'not engine'],
    ['src/storage/a.ts', `import type { EngineApi } from '../engine/api.ts';`, 'not engine'],
    ['src/cli/a.ts', `import type { EngineApi } from '../engine/api.ts';`, 'not engine'],
    ['src/http/docker/a.ts', `const x = await import('../../network/dns.ts');`, 'not network'],
    ['src/http/docker/a.ts', `type X = import("../../engine/engine.ts").X;`, 'not engine'],
    ['src/engine/a.ts', `import '../main/hull.ts';`, 'not main'],
    ['src/images/a.ts', `import { dlopen } from 'bun:ffi';`, 'bun:ffi belongs to host alone'],
    ['src/state/a.ts', `import { Database } from 'bun:sqlite';`, 'bun:sqlite belongs to host alone'],
    ['src/engine/a.ts', `import { spawn } from 'node:child_process';`, 'belongs to host alone'],
    ['src/http/docker/a.ts', `import { readFileSync } from 'node:fs';`, 'node:fs belongs to host, '],
    ['src/lib/a.ts', `const fs = await import('node:fs/promises');`, 'node:fs/promises belongs to host, '],
    ['src/engine/a.ts', `import { Socket } from 'node:cluster';`, 'node:cluster belongs to host alone'],
    ['src/images/a.ts', `import { x } from './b';`, "write the file's ending"],
    ['src/cellar/a.ts', `import { x } from './b.ts';`, 'no room of the design'],
  ])('catches in %s: %s', (path, text, reason) => {
    const found = planted(path, `// first line\n${text}\n`);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(path);
    expect(found[0]).toContain(reason);
  });

  test.each([
    ['src/network/a.ts', `import type { VolumeStore } from '../storage/storage.ts';`],
    [
      'src/http/native/a.ts',
      `import type { EngineApi } from '../../engine/api.ts';\nimport { json } from '../json.ts';`,
    ],
    ['src/runtime/vm/a.ts', `import type { Runtime } from '../runtime.ts';`],
    ['src/main/hull.ts', `import { createVmRuntime } from '../runtime/vm/vm-runtime.ts';`],
    [
      'src/model/a.ts',
      `// import { x } from '../host/host.ts';\nexport const text = "import x from '../host/y.ts'";`,
    ],
    ['src/state/a.ts', `import { DatabaseSync } from 'node:sqlite';`],
    ['src/storage/a.ts', `import { readFileSync } from 'node:fs';\nimport { join } from 'node:path';`],
  ])('lets pass in %s: %s', (path, text) => {
    expect(planted(path, text)).toEqual([]);
  });

  test('finds every import of a statement list, with its line', () => {
    const text = `import a from './a.ts';\nimport {\n  b,\n} from './b.ts';\nexport { c } from './c.ts';\nimport './d.ts';\nvoid import('./e.ts');\n`;
    const found = importsOf({ path: 'src/lib/x.ts', text }).map((each) => `${each.line} ${each.specifier}`);
    expect(found).toEqual(['1 ./a.ts', '4 ./b.ts', '5 ./c.ts', '6 ./d.ts', '7 ./e.ts']);
  });

  test('catches the Bun global, not its mention', () => {
    const file = {
      path: 'src/lib/x.ts',
      text: `// Bun.spawn is not for here\nconst child = Bun.spawn(['true']);\n`,
    };
    expect(bunGlobals(file)).toHaveLength(1);
    expect(bunGlobals({ ...file, path: 'src/host/x.ts' })).toEqual([]);
  });
});
