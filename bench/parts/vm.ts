import { spawn } from 'node:child_process';
import type { Hull } from '../peers/hull.ts';
import type { Row, Table } from '../result.ts';
import { summarize } from '../statistics.ts';
import type { Bench } from './part.ts';

const ROUNDS = 5;
const LIMIT_SECONDS = 8;

/** A virtual machine from the same image: from the command to the workload's first output, and to the command's end. */
export async function vmPart(bench: Bench): Promise<readonly Table[]> {
  const { hull } = bench;
  if (hull === null) return [];
  bench.say('vm: the first boot, which also makes the image’s disk');
  const first = await bootOnce(hull);
  const rounds: { output: number; exit: number }[] = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    bench.say(`vm: boot ${round} of ${ROUNDS}`);
    rounds.push(await bootOnce(hull));
  }
  const output = summarize(rounds.map((round) => round.output));
  const rows: Row[] = [
    { name: 'first boot of the image, to output', unit: 'ms', summary: summarize([first.output]) },
    {
      name: 'boot to output',
      unit: 'ms',
      summary: output,
      goal: { text: `at most ${LIMIT_SECONDS} s`, met: output.median <= LIMIT_SECONDS * 1000 },
    },
    {
      name: 'boot to the end of the command',
      unit: 'ms',
      summary: summarize(rounds.map((round) => round.exit)),
    },
  ];
  const command = 'hull run --rm --isolation vm busybox echo ready';
  return [
    { title: command, method: 'From the start of the command. `hull info` says whether KVM was used.', rows },
  ];
}

async function bootOnce(hull: Hull): Promise<{ output: number; exit: number }> {
  const [program = '', ...args] = hull.command(
    'run',
    '--rm',
    '--isolation',
    'vm',
    'busybox',
    'echo',
    'ready',
  );
  const began = performance.now();
  const child = spawn(program, args, { env: hull.env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = Number.NaN;
  let text = '';
  let errors = '';
  child.stdout.on('data', (data: Buffer) => {
    if (text === '') output = performance.now() - began;
    text += data.toString();
  });
  child.stderr.on('data', (data: Buffer) => (errors += data.toString()));
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  if (status !== 0 || text.trim() !== 'ready')
    throw new Error(`the VM ended with status ${status} and said "${text.trim()}": ${errors}`);
  return { output, exit: performance.now() - began };
}
