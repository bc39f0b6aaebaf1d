import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from '../http.ts';
import { dockerClient } from '../peers/dockerd.ts';
import type { Row, Table } from '../result.ts';
import { must } from '../shell.ts';
import { ratios, summarize } from '../statistics.ts';
import type { Bench } from './part.ts';

const STARTED = 100;
const CLIENTS = 16;
const CROWD = 400;
const LISTED = 1000;
const LISTED_RUNNING = 50;
const ASKED = 200;
const EXECS = 1000;
const IDLE = 500;
const IDLE_SECONDS = 10;
const TICK = 10;

/** Starts by several clients at once. */
export async function manyPart(bench: Bench): Promise<readonly Table[]> {
  const { dockerd, hull } = bench;
  bench.say(`${STARTED} containers by ${CLIENTS} clients`);
  const theirs = await startMany(dockerd.socket);
  const reference: Row = { name: 'docker client, dockerd', unit: 'ms', summary: summarize([theirs]) };
  if (hull === null) return [table([reference])];
  const ours = await startMany(hull.socket);
  const ratio = ratios([ours], [theirs]);
  const row: Row = {
    name: 'docker client, hull',
    unit: 'ms',
    summary: summarize([ours]),
    ratio,
    goal: { text: 'at most 1/8', met: ratio.median <= 1 / 8 },
  };
  bench.say(`${CROWD} at the same time`);
  const began = performance.now();
  await inParallel(CROWD, CROWD, () => finish(dockerClient(hull.socket, 'run', '--rm', 'busybox', 'true')));
  const crowd: Row = {
    name: 'docker client, hull',
    unit: 'ms',
    summary: summarize([performance.now() - began]),
    goal: { text: 'none fails', met: true },
  };
  return [
    table([reference, row]),
    {
      title: `${CROWD} × run --rm busybox true, all at once`,
      method: 'From the first start to the last exit; the measurement breaks off when one fails.',
      rows: [crowd],
    },
  ];
}

function table(rows: readonly Row[]): Table {
  return {
    title: `${STARTED} × run -d busybox sleep, ${CLIENTS} clients at once`,
    method: 'From the first start to the last exit of a client; the same client for both.',
    reference: 'docker client, dockerd',
    rows,
  };
}

async function startMany(socket: string): Promise<number> {
  const began = performance.now();
  const ids = await inParallel(STARTED, CLIENTS, () =>
    finish(dockerClient(socket, 'run', '-d', 'busybox', 'sleep', '3600')),
  );
  const milliseconds = performance.now() - began;
  must(dockerClient(socket, 'rm', '-f', ...ids.map((id) => id.trim())));
  return milliseconds;
}

/** What the daemon needs to answer while it has many containers. */
export async function listPart(bench: Bench): Promise<readonly Table[]> {
  const { hull } = bench;
  if (hull === null) return [];
  bench.say(`list with ${LISTED} containers`);
  const ids = await inParallel(LISTED, CLIENTS, async (index) => {
    const body = { Image: 'busybox', Cmd: ['sleep', '3600'] };
    const made = await request(hull.socket, 'POST', `/containers/create?name=bench-list-${index}`, body);
    const { Id } = JSON.parse(made.body) as { Id: string };
    if (index < LISTED_RUNNING) await request(hull.socket, 'POST', `/containers/${Id}/start`);
    return Id;
  });
  try {
    const list = await ask(hull.socket, '/containers/json?all=1');
    const inspect = await ask(hull.socket, `/containers/${ids[0]}/json`);
    return [
      {
        title: `Answers with ${LISTED} containers, ${LISTED_RUNNING} of them running`,
        method: `From connecting to the end of the answer, over the socket, ${ASKED} times.`,
        rows: [
          { ...list, name: 'GET /containers/json?all=1', goal: goal(list, 15) },
          { ...inspect, name: 'GET /containers/ID/json', goal: goal(inspect, 2) },
        ],
      },
    ];
  } finally {
    await inParallel(LISTED, CLIENTS, (index) =>
      request(hull.socket, 'DELETE', `/containers/bench-list-${index}?force=1`),
    );
  }
}

async function ask(socket: string, path: string): Promise<Row> {
  const values: number[] = [];
  for (let count = 0; count < ASKED; count += 1) {
    const began = performance.now();
    await request(socket, 'GET', path);
    values.push(performance.now() - began);
  }
  return { name: path, unit: 'ms', summary: summarize(values) };
}

const goal = (row: Row, most: number) => ({
  text: `at most ${most} ms`,
  met: row.summary.median <= most,
});

/** Many commands in one running container, without a client program. */
export async function execsPart(bench: Bench): Promise<readonly Table[]> {
  const { dockerd, hull } = bench;
  bench.say(`${EXECS} execs`);
  const theirs = await execs(dockerd.socket);
  const rows: Row[] = [{ name: 'dockerd', unit: 'ms', summary: summarize(theirs) }];
  if (hull !== null) {
    const ours = await execs(hull.socket);
    const ratio = ratios(ours, theirs);
    const met = ratio.median <= 1 / 4;
    rows.push({
      name: 'hull',
      unit: 'ms',
      summary: summarize(ours),
      ratio,
      goal: { text: 'at most 1/4', met },
    });
  }
  return [
    {
      title: `${EXECS} × exec true in one container, over the interface`,
      method: 'Create, start, read to the end, inspect: the time of each, one after the other.',
      reference: 'dockerd',
      rows,
    },
  ];
}

async function execs(socket: string): Promise<number[]> {
  const made = await request(socket, 'POST', '/containers/create', {
    Image: 'busybox',
    Cmd: ['sleep', '3600'],
  });
  const { Id } = JSON.parse(made.body) as { Id: string };
  await request(socket, 'POST', `/containers/${Id}/start`);
  const values: number[] = [];
  try {
    for (let count = 0; count < EXECS; count += 1) {
      const began = performance.now();
      const body = { Cmd: ['true'], AttachStdout: true, AttachStderr: true };
      const exec = JSON.parse((await request(socket, 'POST', `/containers/${Id}/exec`, body)).body) as {
        Id: string;
      };
      await request(socket, 'POST', `/exec/${exec.Id}/start`, { Detach: false });
      const { ExitCode } = JSON.parse((await request(socket, 'GET', `/exec/${exec.Id}/json`)).body) as {
        ExitCode: number;
      };
      values.push(performance.now() - began);
      if (ExitCode !== 0) throw new Error(`exec ${count} ended with status ${ExitCode}`);
    }
  } finally {
    await request(socket, 'DELETE', `/containers/${Id}?force=1`);
  }
  return values;
}

/** CPU time that the daemon uses while nothing happens. */
export async function idlePart(bench: Bench): Promise<readonly Table[]> {
  const { hull } = bench;
  if (hull === null) return [];
  bench.say(`idle with ${IDLE} containers`);
  const ids = await inParallel(IDLE, CLIENTS, async () => {
    const body = { Image: 'busybox', Cmd: ['sleep', '3600'] };
    const { Id } = JSON.parse((await request(hull.socket, 'POST', '/containers/create', body)).body) as {
      Id: string;
    };
    await request(hull.socket, 'POST', `/containers/${Id}/start`);
    return Id;
  });
  try {
    await sleep(IDLE_SECONDS * 1000);
    const before = cpuTime(hull.daemons());
    await sleep(IDLE_SECONDS * 1000);
    const used = cpuTime(hull.daemons()) - before;
    return [
      {
        title: `CPU time of the daemon with ${IDLE} running containers`,
        method: `User and system time within ${IDLE_SECONDS} seconds of quiet, in steps of ${TICK} ms.`,
        rows: [
          {
            name: 'hull',
            unit: 'ms',
            summary: summarize([used]),
            goal: { text: 'about 0', met: used <= IDLE_SECONDS * TICK },
          },
        ],
      },
    ];
  } finally {
    await inParallel(IDLE, CLIENTS, (index) =>
      request(hull.socket, 'DELETE', `/containers/${ids[index]}?force=1`),
    );
  }
}

/** Milliseconds of CPU time, by /proc/PID/stat. */
function cpuTime(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return sum + (Number(fields[11]) + Number(fields[12])) * TICK;
  }, 0);
}

/** Calls `work` for 0 to `count` - 1, at most `most` at a time; rejects with the first failure. */
async function inParallel<T>(count: number, most: number, work: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next++;
      results[index] = await work(index);
    }
  };
  await Promise.all(Array.from({ length: most }, worker));
  return results;
}

/** Runs a command and returns what it printed; rejects when it fails. */
function finish(command: readonly string[]): Promise<string> {
  const [program = '', ...args] = command;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stdout.on('data', (data: Buffer) => (output += data.toString()));
  child.stderr.on('data', (data: Buffer) => (errors += data.toString()));
  child.once('close', (code) => {
    if (code === 0) resolve(output);
    else reject(new Error(`"${command.join(' ')}" ended with status ${code}: ${errors.trim()}`));
  });
  return promise;
}
