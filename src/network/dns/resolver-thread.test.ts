import { expect, test } from 'bun:test';
import { createSocket } from 'node:dgram';
import packet from 'dns-packet';
import { prefixOf } from '../ipam.ts';
import { ResolverThread } from './resolver-thread.ts';

const NETWORK = { id: 'net', prefixes: [prefixOf('127.0.0.0/8')], internal: true };

function ask(port: number, name: string): Promise<unknown[]> {
  const socket = createSocket('udp4');
  const { promise, resolve } = Promise.withResolvers<unknown[]>();
  socket.on('message', (message) => {
    const { answers = [] } = packet.decode(message);
    resolve(answers.map((answer) => ('data' in answer ? answer.data : null)));
  });
  socket.send(packet.encode({ type: 'query', id: 1, questions: [{ type: 'A', name }] }), port, '127.0.0.1');
  return promise.finally(() => socket.close());
}

const instance = (id: string, name: string, address: string) => ({
  id,
  links: [],
  upstreams: null,
  networks: [{ id: 'net', names: [name], addresses: [address] }],
});

test('answers by what it was told last, and forgets what is gone', async () => {
  const thread = new ResolverThread({ moved: () => undefined, log: () => undefined });
  thread.addNetwork(NETWORK);
  const ports = await thread.listen({ networkId: 'net', address: '127.0.0.1', ports: { udp: 0, tcp: 0 } });
  thread.know(instance('1', 'web', '127.0.0.7'));
  thread.know(instance('1', 'shop', '127.0.0.8'));
  expect(await ask(ports.udp, 'shop')).toEqual(['127.0.0.8']);
  expect(await ask(ports.udp, 'web')).toEqual([]);
  thread.forget('1');
  expect(await ask(ports.udp, 'shop')).toEqual([]);
  await thread.close('net');
  await thread.stop();
});

test('a thread that breaks is followed by one that knows as much, on the same ports', async () => {
  const said: string[] = [];
  const thread = new ResolverThread({ moved: () => said.push('moved'), log: (text) => said.push(text) });
  thread.addNetwork(NETWORK);
  thread.know(instance('1', 'web', '127.0.0.7'));
  const place = { networkId: 'net', address: '127.0.0.1', ports: { udp: 0, tcp: 0 } };
  const ports = await thread.listen(place);
  await thread.breakOff();
  await expect(thread.listen(place)).rejects.toThrow('restarting');
  for (let round = 0; said.at(-1) !== 'back' && round < 200; round += 1) {
    const answer = await Promise.race([ask(ports.udp, 'web'), Bun.sleep(50).then(() => null)]);
    if (answer !== null) {
      expect(answer).toEqual(['127.0.0.7']);
      said.push('back');
    }
  }
  expect(said).toEqual(['the resolver thread died; restarting it', 'back']);
  await thread.stop();
});
