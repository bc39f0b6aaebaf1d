import { spawn } from 'node:child_process';

/** Calls `work` for 0 to `count` - 1, at most `most` at a time; rejects with the first failure. */
export async function inParallel<T>(
  count: number,
  most: number,
  work: (index: number) => Promise<T>,
): Promise<T[]> {
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
export function finish(command: readonly string[]): Promise<string> {
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
