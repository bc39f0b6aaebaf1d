import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { inParallel } from '../crowd.ts';
import { request } from '../http.ts';
import type { Row, Table } from '../result.ts';
import { ratios, summarize } from '../statistics.ts';
import type { Bench } from './part.ts';

const CLIENTS = 16;
const LISTED = 1000;
const LISTED_RUNNING = 50;
const ASKED = 200;
const EXECS = 1000;
const IDLE = 500;
const IDLE_SECONDS = 10;
const TICK = 10;

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
