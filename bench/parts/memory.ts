import { allProcesses, ancestorsOf, commandOf, pssOf, rssOf } from '../processes.ts';
import type { Engine } from '../peers/engine.ts';
import type { Row, Table } from '../result.ts';
import { must } from '../shell.ts';
import { summarize } from '../statistics.ts';
import type { Bench } from './part.ts';

const IDLE = 10;
/** Milliseconds of quiet before memory is read. */
const SETTLING = 5000;
const MANY = 100;
const MB = 1e6;
const WORKLOAD = ['sleep', '3600'];

/** What idle containers cost in processes of the engine: monitors, shims, proxies; and what the daemon itself takes. */
export async function memoryPart(bench: Bench): Promise<readonly Table[]> {
  const engines: Engine[] = [bench.dockerd, bench.podman, ...(bench.hull === null ? [] : [bench.hull])];
  const helpers: Row[] = [];
  const daemons: Row[] = [];
  for (const engine of engines) {
    bench.say(`memory of ${engine.name}: ${IDLE} containers`);
    const few = withContainers(engine, IDLE, (started) => perContainer(engine, started));
    helpers.push({ ...few, ...(engine === bench.hull ? goal(few, 2) : {}) });
  }
  for (const engine of engines.filter((each) => each.daemons().length > 0)) {
    bench.say(`memory of ${engine.name}: ${MANY} containers`);
    const many = withContainers(engine, MANY, () => daemonRow(engine));
    daemons.push({ ...many, ...(engine === bench.hull ? goal(many, 80) : {}) });
  }
  return [
    {
      title: 'Memory of the engine per idle container',
      method: `${IDLE} containers that sleep; the proportional set size of every process that appeared with them, the workload itself left out, divided by ${IDLE}.`,
      rows: helpers,
    },
    {
      title: `Memory of the daemon with ${MANY} containers`,
      method: `Resident set size of the daemon and its permanent helpers, ${SETTLING / 1000} seconds after the last start.`,
      rows: daemons,
    },
  ];
}

function goal(row: Row, megabytes: number) {
  return { goal: { text: `at most ${megabytes} MB`, met: row.summary.median <= megabytes } };
}

/** Runs `measure` while `count` idle containers run; it is given the engine’s processes that appeared with them. */
function withContainers(engine: Engine, count: number, measure: (started: readonly number[]) => Row): Row {
  const names = Array.from({ length: count }, (_, index) => `bench-memory-${index}`);
  const before = allProcesses();
  try {
    for (const name of names) {
      must(engine.command('run', '-d', '--name', name, ...engine.runOptions, 'busybox', ...WORKLOAD), {
        env: engine.env,
      });
    }
    // All engines alike: what starting left behind is not what 100 idle containers cost.
    Bun.sleepSync(SETTLING);
    return measure([...allProcesses()].filter((pid) => !before.has(pid) && belongsTo(engine, pid)));
  } finally {
    must(engine.command('rm', '-f', ...engine.removeOptions, ...names), { env: engine.env });
  }
}

/** Others may start processes at the same time: the engine's name its folder, or descend from its daemon. */
function belongsTo(engine: Engine, pid: number): boolean {
  const daemons = engine.daemons();
  return (
    commandOf(pid).some((part) => part.includes(engine.folder)) ||
    ancestorsOf(pid).some((each) => daemons.includes(each))
  );
}

function perContainer(engine: Engine, started: readonly number[]): Row {
  const sizes = new Map<string, { count: number; bytes: number }>();
  for (const pid of started) {
    const command = commandOf(pid);
    const bytes = pssOf(pid);
    if (bytes === 0 || command.slice(-2).join(' ') === WORKLOAD.join(' ')) continue;
    const program = command[0]?.split('/').at(-1) ?? '';
    const known = sizes.get(program) ?? { count: 0, bytes: 0 };
    sizes.set(program, { count: known.count + 1, bytes: known.bytes + bytes });
  }
  const total = [...sizes.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  const note = [...sizes]
    .map(([program, { count, bytes }]) => `${count} ${program}: ${(bytes / MB).toFixed(1)} MB`)
    .join(', ');
  return { name: engine.name, unit: 'MB', summary: summarize([total / IDLE / MB]), note };
}

function daemonRow(engine: Engine): Row {
  const parts = engine
    .daemons()
    .map((pid) => ({ program: commandOf(pid)[0]?.split('/').at(-1) ?? '', bytes: rssOf(pid) }));
  const total = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  const note = parts.map(({ program, bytes }) => `${program}: ${(bytes / MB).toFixed(0)} MB`).join(', ');
  return { name: engine.name, unit: 'MB', summary: summarize([total / MB]), note };
}
