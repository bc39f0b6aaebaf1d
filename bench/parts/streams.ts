import type { Row, Table } from '../result.ts';
import { summarize } from '../statistics.ts';
import { peakOf, resetPeak, rssOf } from '../processes.ts';
import { StreamClient } from '../stream-client.ts';
import type { Bench } from './part.ts';

const GOAL = 500;
const MB = 1e6;
/** What prints 256 MiB, and some 130 MB of log. */
const FLOOD = ['dd', 'if=/dev/zero', 'bs=1M', 'count=256'];
const PIECES = ['dd', 'if=/dev/zero', 'bs=1M', 'count=128'];
const LINES = ['sh', '-c', 'dd if=/dev/zero bs=1M count=96 2>/dev/null | base64'];
/** Seconds in which a reader that does not read is looked at. */
const STALL = 3;
const ROUNDS = 3;

/** How fast output gets from a process through the daemon to a client, and what the daemon holds for one that does not read. */
export async function streamsPart(bench: Bench): Promise<readonly Table[]> {
  const engines = [bench.dockerd, ...(bench.hull === null ? [] : [bench.hull])];
  const rates: Row[] = [];
  const memory: Row[] = [];
  for (const engine of engines) {
    const client = new StreamClient(engine.socket);
    const add = (name: string, values: readonly number[]): void => {
      const summary = summarize(values);
      const goal =
        engine === bench.hull ? { goal: { text: `at least ${GOAL} MB/s`, met: summary.median >= GOAL } } : {};
      rates.push({ name: `${engine.name}: ${name}`, unit: 'MB/s', summary, ...goal });
    };
    bench.say(`streams of ${engine.name}: attach`);
    add('attach', await times(ROUNDS, () => client.attachRate(FLOOD)));
    for (const [name, command] of [
      ['logs, pieces of 8 KiB', PIECES],
      ['logs, lines of 77 bytes', LINES],
    ] as const) {
      bench.say(`streams of ${engine.name}: ${name}`);
      add(name, await client.logRates(command, ROUNDS));
    }
    bench.say(`streams of ${engine.name}: a reader that does not read`);
    const daemons = engine.daemons();
    const before = daemons.reduce((sum, pid) => sum + rssOf(pid), 0);
    for (const pid of daemons) resetPeak(pid);
    const peak = await client.whileStalled(FLOOD, STALL, () =>
      daemons.reduce((sum, pid) => sum + peakOf(pid), 0),
    );
    memory.push({
      name: engine.name,
      unit: 'MB',
      summary: summarize([peak / MB]),
      note: `before: ${(before / MB).toFixed(0)} MB`,
    });
  }
  return [
    {
      title: 'Output through the daemon',
      method:
        'Attach: 256 MiB of zeroes, from the start of the container to the end of the stream, at a client that only counts. Logs: 128 MB that were printed before.',
      rows: rates,
    },
    {
      title: 'Memory of the daemon while a client does not read',
      method: `Peak resident set size of the daemon and its permanent helpers within ${STALL} seconds in which an attached client reads nothing.`,
      rows: memory,
    },
  ];
}

async function times(count: number, measure: () => Promise<number>): Promise<readonly number[]> {
  const values: number[] = [];
  for (let round = 0; round < count; round++) values.push(await measure());
  return values;
}
