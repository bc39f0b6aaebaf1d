import { defineCommand } from '../command.ts';
import { bool } from '../flags/flag.ts';
import { isHullError } from '../../model/errors.ts';
import { CommandFailure } from '../usage-error.ts';

const PATIENCE = 10_000;
const POLL = 20;

export const command = defineCommand({
  usage: 'shutdown [OPTIONS]',
  summary: 'Stop the engine; instances keep running unless --stop is given',
  example: 'hull shutdown --stop',
  flags: { stop: bool('Stop all instances and take the network down first') },
  args: { max: 0 },
  startsEngine: false,
  run: async ({ client }, values) => {
    await client.native.shutdown(values.stop ? 'stop' : 'keep');
    await gone(() => client.system.ping());
    return 0;
  },
});

/** The engine answers first and ends then: waits until nobody answers, so that another may be started in its place. */
async function gone(ping: () => Promise<void>): Promise<void> {
  for (const deadline = Date.now() + PATIENCE; Date.now() < deadline;) {
    const answers = await ping().then(
      () => true,
      (error: unknown) => !isHullError(error, 'engine-unreachable'),
    );
    if (!answers) return;
    await new Promise((resolve) => setTimeout(resolve, POLL));
  }
  throw new CommandFailure(1, 'the engine has agreed to end, and still answers; see its log');
}
