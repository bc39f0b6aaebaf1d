import { join } from 'node:path';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dockerClient } from '../peers/dockerd.ts';
import type { Engine } from '../peers/engine.ts';
import type { Row, Table } from '../result.ts';
import { must } from '../shell.ts';
import { ratios, summarize } from '../statistics.ts';
import { alternate, type Contender, type Series } from '../timing.ts';
import type { Bench } from './part.ts';

const METHOD =
  'Whole commands, from start to exit; every contender once per round, in shifting order; ratios are taken within each round.';

/** Whole runs of a container, with and without a network, and what the parts of it take by themselves. */
export async function runPart(bench: Bench): Promise<readonly Table[]> {
  const tables: Table[] = [];
  for (const [title, options, goals] of [
    ['run --rm busybox true', [], { hull: 13, [DOCKER_TO_HULL]: 9 }],
    ['run --rm --network none busybox true', ['--network', 'none'], {}],
  ] as const) {
    bench.say(title);
    const contenders = runContenders(bench, options);
    const series = await alternate(contenders, bench.rounds);
    tables.push({
      title,
      method: METHOD,
      reference: DOCKERD,
      rows: rows(contenders, series, DOCKERD, goals),
    });
  }
  bench.say('floors');
  const floors = floorContenders(bench);
  tables.push({
    title: 'What cannot be saved',
    method: `${METHOD} The client alone, an empty request, and the OCI runtime alone on a bundle that is ready.`,
    rows: rows(floors, await alternate(floors, bench.rounds), null, {}),
  });
  return tables;
}

/** `exec` of a command in a running container. */
export async function execPart(bench: Bench): Promise<readonly Table[]> {
  bench.say('exec');
  const engines: Engine[] = [bench.dockerd, bench.podman, ...(bench.hull === null ? [] : [bench.hull])];
  const name = 'bench-exec';
  for (const engine of engines) {
    must(engine.command('run', '-d', '--name', name, ...engine.runOptions, 'busybox', 'sleep', '3600'), {
      env: engine.env,
    });
  }
  try {
    const contenders: Contender[] = engines.map((engine) => ({
      name: engine === bench.dockerd ? DOCKERD : engine.name,
      command: engine.command('exec', name, 'true'),
      env: engine.env,
    }));
    if (bench.hull !== null)
      contenders.push({
        name: DOCKER_TO_HULL,
        command: dockerClient(bench.hull.socket, 'exec', name, 'true'),
      });
    const series = await alternate(contenders, bench.rounds);
    return [
      {
        title: 'exec true in a running container',
        method: METHOD,
        reference: DOCKERD,
        rows: rows(contenders, series, DOCKERD, {}),
      },
    ];
  } finally {
    for (const engine of engines)
      must(engine.command('rm', '-f', ...engine.removeOptions, name), { env: engine.env });
  }
}

const DOCKERD = 'docker client, dockerd';
const DOCKER_TO_HULL = 'docker client, hull';

/** By contender: how many times faster than the reference it is to be. */
type Goals = Readonly<Record<string, number>>;

function runContenders({ dockerd, podman, hull }: Bench, options: readonly string[]): Contender[] {
  const tail = [...options, 'busybox', 'true'];
  const contenders: Contender[] = [
    { name: DOCKERD, command: dockerd.command('run', '--rm', ...tail) },
    {
      name: 'podman',
      command: podman.command('run', '--rm', ...podman.runOptions, ...tail),
      env: podman.env,
    },
  ];
  if (hull === null) return contenders;
  return [
    ...contenders,
    { name: DOCKER_TO_HULL, command: dockerClient(hull.socket, 'run', '--rm', ...tail) },
    { name: 'hull', command: hull.command('run', '--rm', ...tail), env: hull.env },
  ];
}

function floorContenders({ place, dockerd, hull }: Bench): Contender[] {
  const contenders: Contender[] = [
    { name: 'docker version, dockerd', command: dockerd.command('version') },
    {
      name: 'crun run',
      command: [...place.enter, 'crun', 'run', '--bundle', bundle(place.folder), 'hull-bench-crun'],
    },
    { name: 'true, in the namespaces of the peers', command: [...place.enter, 'true'] },
  ];
  if (hull === null) return contenders;
  return [
    ...contenders,
    { name: 'docker version, hull', command: dockerClient(hull.socket, 'version') },
    { name: 'hull version', command: hull.command('version'), env: hull.env },
  ];
}

/** An OCI bundle of the same busybox, with the runtime's own default specification, without a terminal. */
function bundle(folder: string): string {
  const path = join(folder, 'bundle');
  mkdirSync(path);
  const specification = JSON.parse(
    must(['sh', '-c', 'cd "$1" && crun spec && cat config.json', 'sh', path]),
  ) as {
    process: { terminal: boolean; args: string[]; rlimits?: unknown };
    root: { path: string };
  };
  specification.process.terminal = false;
  specification.process.args = ['/bin/true'];
  delete specification.process.rlimits;
  specification.root.path = join(folder, 'busybox/root');
  writeFileSync(join(path, 'config.json'), JSON.stringify(specification));
  return path;
}

function rows(
  contenders: readonly Contender[],
  series: Series,
  reference: string | null,
  goals: Goals,
): Row[] {
  const base = reference === null ? undefined : series.get(reference);
  return contenders.map(({ name }) => {
    const values = series.get(name) ?? [];
    const row: Row = { name, unit: 'ms', summary: summarize(values) };
    if (base === undefined || name === reference) return row;
    const ratio = ratios(values, base);
    const limit = goals[name];
    if (limit === undefined) return { ...row, ratio };
    return { ...row, ratio, goal: { text: `at most 1/${limit}`, met: ratio.median <= 1 / limit } };
  });
}
