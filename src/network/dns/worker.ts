import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { messageOf } from '../../model/errors.ts';
import type { ResolverCommand, ResolverReply } from './commands.ts';
import { Resolver } from './resolver.ts';

/** What the resolver's thread is given. */
export interface ResolverData {
  /** Commands come here, replies go there. */
  readonly port: MessagePort;
  /** The host's; undefined: /etc/resolv.conf. */
  readonly resolvConf: string | undefined;
}

/** The entry of the resolver's thread. Commands are carried out in their order. */
const { port, resolvConf } = workerData as ResolverData;
const resolver = new Resolver({ resolvConf, catchUp });

function carryOut(command: ResolverCommand): void {
  const reply = (answer: ResolverReply): void => port.postMessage(answer);
  void resolver.carryOut(command).then(
    (ports) => {
      if ('call' in command) reply({ call: command.call, ports });
    },
    (error: unknown) => {
      if ('call' in command) reply({ call: command.call, error: messageOf(error) });
    },
  );
}

/** What was said before a query came is known before it is answered, whichever of the two the event loop sees first. */
function catchUp(): void {
  for (let said = receiveMessageOnPort(port); said !== undefined; said = receiveMessageOnPort(port))
    carryOut(said.message as ResolverCommand);
}

port.on('message', carryOut);
