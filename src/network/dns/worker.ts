import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../../model/errors.ts';
import type { ResolverCommand, ResolverReply } from './commands.ts';
import { Resolver } from './resolver.ts';

/** The entry of the resolver's thread. `workerData`: the path of the host's resolv.conf, or undefined. Commands are carried out in their order. */
const resolver = new Resolver(typeof workerData === 'string' ? workerData : undefined);

parentPort?.on('message', (command: ResolverCommand) => {
  const reply = (answer: ResolverReply): void => parentPort?.postMessage(answer);
  void resolver.carryOut(command).then(
    (ports) => {
      if ('call' in command) reply({ call: command.call, ports });
    },
    (error: unknown) => {
      if ('call' in command) reply({ call: command.call, error: messageOf(error) });
    },
  );
});
