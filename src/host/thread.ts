import { type MessagePort, Worker } from 'node:worker_threads';
import { selfCommand } from './self.ts';

/** Where the compiled executable keeps its modules. */
const EMBEDDED = '/$bunfs/root';

/**
 * Starts a module of this program in a thread. `module`: below `src`, and one of the entries that `scripts/build.sh` names: the executable has
 * no other. `data`: what the module finds as `workerData`; the ports in it are handed over.
 */
export function startThread(module: string, data: unknown, ports: readonly MessagePort[]): Worker {
  const compiled = selfCommand().length === 1;
  const entry = compiled
    ? `${EMBEDDED}/${module.replace(/\.ts$/, '.js')}`
    : new URL(`../${module}`, import.meta.url);
  return new Worker(entry, { workerData: data, transferList: [...ports] });
}
