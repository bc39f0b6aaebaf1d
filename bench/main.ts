/**
 * Measures hull beside dockerd and podman on this machine: `npm run bench`, or `npm run bench -- run memory` for some parts. With `--peers`,
 * only the peers; with `--rounds N`, other than 20 rounds. `scripts/bench.sh` installs what this needs and starts it.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { imagePart } from './parts/image.ts';
import { execsPart, idlePart, listPart } from './parts/many.ts';
import { memoryPart } from './parts/memory.ts';
import type { Bench, Part } from './parts/part.ts';
import { execPart, runPart } from './parts/run.ts';
import { startsPart } from './parts/starts.ts';
import { streamsPart } from './parts/streams.ts';
import { vmPart } from './parts/vm.ts';
import { Dockerd } from './peers/dockerd.ts';
import { Hull } from './peers/hull.ts';
import { Podman } from './peers/podman.ts';
import { markdown, plain, type Circumstances } from './report.ts';
import type { Table } from './result.ts';
import { must } from './shell.ts';
import { PROJECT, Workplace } from './workplace.ts';

const PARTS: Readonly<Record<string, Part>> = {
  run: runPart,
  exec: execPart,
  streams: streamsPart,
  execs: execsPart,
  starts: startsPart,
  list: listPart,
  idle: idlePart,
  memory: memoryPart,
  image: imagePart,
  vm: vmPart,
};

function say(text: string): void {
  console.log(`[${String(Math.round(performance.now() / 1000)).padStart(3)}s] ${text}`);
}

async function measure(parts: readonly string[], options: { peers: boolean; rounds: number }): Promise<void> {
  await using place = new Workplace();
  await place.ready();
  const { context, archive } = place.busybox();
  say(`starting dockerd, podman${options.peers ? '' : ' and hull'}, each with folders of its own`);
  await using dockerd = new Dockerd(place);
  await dockerd.ready(archive);
  await using podman = new Podman(place);
  podman.ready(archive);
  await using hull = options.peers ? null : new Hull(place);
  await hull?.ready(context);
  const bench: Bench = { place, dockerd, podman, hull, rounds: options.rounds, say };
  const tables: Table[] = [];
  for (const name of parts) tables.push(...((await PARTS[name]?.(bench)) ?? []));
  const circumstances = describe(bench);
  console.log(`\n${tables.map(plain).join('\n\n')}\n`);
  write(circumstances, tables, parts.length === Object.keys(PARTS).length && hull !== null);
}

function describe({ dockerd, podman, hull }: Bench): Circumstances {
  const versions: Record<string, string> = {
    dockerd: dockerd.version,
    podman: podman.version,
    crun: must(['crun', '--version']).split(/\s/)[2] ?? '',
  };
  if (hull !== null) versions['hull'] = hull.version;
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: must(['git', '-C', PROJECT, 'rev-parse', '--short=12', 'HEAD']).trim(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cpus: cpus().length,
    memory: `${Math.round(totalmem() / 1e9)} GB`,
    kernel: release(),
    operatingSystem: /^PRETTY_NAME="(.*)"$/m.exec(must(['cat', '/etc/os-release']))?.[1] ?? 'unknown',
    versions,
  };
}

/** The page is only written from a complete run: figures on one page belong to one run. */
function write(circumstances: Circumstances, tables: readonly Table[], complete: boolean): void {
  const results = join(PROJECT, 'bench/results');
  mkdirSync(results, { recursive: true });
  const file = join(results, `${complete ? 'complete' : 'partial'}.json`);
  writeFileSync(file, `${JSON.stringify({ circumstances, tables }, null, 2)}\n`);
  say(`every figure: ${file}`);
  if (!complete) return;
  writeFileSync(join(PROJECT, 'docs/benchmarks.md'), markdown(circumstances, tables));
  say('the tables: docs/benchmarks.md');
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { peers: { type: 'boolean', default: false }, rounds: { type: 'string', default: '20' } },
});
const unknown = positionals.filter((name) => PARTS[name] === undefined);
const rounds = Number(values.rounds);
if (unknown.length > 0 || !Number.isInteger(rounds) || rounds < 1) {
  console.error(
    `error: usage: npm run bench -- [--peers] [--rounds N] [PART…]; the parts are ${Object.keys(PARTS).join(', ')}`,
  );
  process.exit(2);
}
await measure(positionals.length > 0 ? positionals : Object.keys(PARTS), { peers: values.peers, rounds });
