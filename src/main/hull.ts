import { createIo, main } from '../cli/index.ts';
import { selfCommand } from '../host/self.ts';
import { BUILD } from './build-info.ts';

/** Entry of the one executable. The engine is loaded only by the daemon: a command must not wait for it. */
async function run(argv: readonly string[]): Promise<number> {
  if (argv[0] === 'internal') {
    const { internal } = await import('./internal.ts');
    return internal(argv.slice(1));
  }
  return main(argv, createIo(), {
    runDaemon: async (options) => (await import('./daemon.ts')).runDaemon(options),
    rebuild: async (options) => (await import('./rebuild.ts')).rebuild(options),
    selfCommand,
    version: BUILD,
  });
}

process.exit(await run(process.argv.slice(2)));
