import { finish, inParallel } from '../crowd.ts';
import { request } from '../http.ts';
import { dockerClient } from '../peers/dockerd.ts';
import type { Row, Table } from '../result.ts';
import { must } from '../shell.ts';
import { ratios, summarize } from '../statistics.ts';
import type { Bench } from './part.ts';

const STARTED = 100;
const CLIENTS = 16;
const ROUNDS = 3;
const CROWD = 400;

/** Starts a container that sleeps; resolves to its id. */
type Client = (socket: string) => Promise<string>;

const CLIENT_PROGRAMS: readonly (readonly [string, Client])[] = [
  [
    'docker client',
    async (socket) => (await finish(dockerClient(socket, 'run', '-d', 'busybox', 'sleep', '3600'))).trim(),
  ],
  ['requests alone', startByRequest],
];

/** Starts by several clients at once. */
export async function startsPart(bench: Bench): Promise<readonly Table[]> {
  const tables: Table[] = [];
  for (const [name, client] of CLIENT_PROGRAMS) {
    bench.say(`${STARTED} containers by ${CLIENTS} clients: ${name}`);
    tables.push(await startTable(bench, name, client));
  }
  if (bench.hull !== null) tables.push(await crowd(bench, bench.hull.socket));
  return tables;
}

async function startTable({ dockerd, hull }: Bench, name: string, client: Client): Promise<Table> {
  const theirs: number[] = [];
  const ours: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    theirs.push(await startMany(dockerd.socket, client));
    if (hull !== null) ours.push(await startMany(hull.socket, client));
  }
  const rows: Row[] = [{ name: 'dockerd', unit: 'ms', summary: summarize(theirs) }];
  if (hull !== null) {
    const ratio = ratios(ours, theirs);
    const goal = { text: 'at most 1/8', met: ratio.median <= 1 / 8 };
    rows.push({ name: 'hull', unit: 'ms', summary: summarize(ours), ratio, goal });
  }
  return {
    title: `${STARTED} × run -d busybox sleep, ${CLIENTS} clients at once: ${name}`,
    method: `From the first start to the last answer, ${ROUNDS} times; the same client for both.`,
    reference: 'dockerd',
    rows,
  };
}

async function startMany(socket: string, client: Client): Promise<number> {
  const began = performance.now();
  const ids = await inParallel(STARTED, CLIENTS, () => client(socket));
  const milliseconds = performance.now() - began;
  must(dockerClient(socket, 'rm', '-f', ...ids));
  return milliseconds;
}

/** What the docker client asks for `run -d`, without the program. */
async function startByRequest(socket: string): Promise<string> {
  const body = { Image: 'busybox', Cmd: ['sleep', '3600'] };
  const { Id } = JSON.parse((await request(socket, 'POST', '/containers/create', body)).body) as {
    Id: string;
  };
  await request(socket, 'POST', `/containers/${Id}/start`);
  return Id;
}

async function crowd(bench: Bench, socket: string): Promise<Table> {
  bench.say(`${CROWD} at the same time`);
  const began = performance.now();
  await inParallel(CROWD, CROWD, () => finish(dockerClient(socket, 'run', '--rm', 'busybox', 'true')));
  return {
    title: `${CROWD} × run --rm busybox true, all at once`,
    method: 'From the first start to the last exit; the measurement breaks off when one fails.',
    rows: [
      {
        name: 'docker client, hull',
        unit: 'ms',
        summary: summarize([performance.now() - began]),
        goal: { text: 'none fails', met: true },
      },
    ],
  };
}
