import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { createSocket, type Socket } from 'node:dgram';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import packet from 'dns-packet';
import type { Network, NetworkLease } from '../../src/network/network.ts';
import { namespace, NetworkBench } from './network/bench.ts';

/** Answers every name but those below `silent`. */
function startUpstream(address: string, data = '192.0.2.7'): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.on('message', (message, from) => {
    const { id = 0, questions = [] } = packet.decode(message);
    const name = questions[0]?.name ?? '';
    if (name.endsWith('silent')) return;
    const answers: packet.Answer[] = [{ type: 'A', name, data, ttl: 1 }];
    socket.send(packet.encode({ type: 'response', id, questions, answers }), from.port, from.address);
  });
  return new Promise((resolve) => void socket.bind(53, address, () => resolve(socket)));
}

describe('an instance that asks for names', () => {
  const bench = new NetworkBench();
  const upstreamAddress = `127.77.${process.pid % 250}.${1 + ((process.pid >> 8) % 250)}`;
  let upstream: Socket;
  let network: Network;
  let greedy: NetworkLease;
  let quiet: NetworkLease;
  let resolver = '';

  beforeAll(async () => {
    upstream = await startUpstream(upstreamAddress);
    const resolvConf = join(bench.folder, 'resolv.conf');
    writeFileSync(resolvConf, `nameserver ${upstreamAddress}\n`);
    network = bench.network({ resolvConf });
    await network.start(new Map());
    const attach = (number: number, name: string) =>
      network.attach({ instanceId: bench.id(number), mode: 'bridge', ports: [], names: [name] });
    greedy = await attach(1, 'greedy');
    quiet = await attach(2, 'quiet');
    resolver = network.describe().gateway;
  }, 30_000);
  afterAll(async () => {
    upstream.close();
    await bench.clean();
  }, 30_000);

  const from = (lease: NetworkLease, ...args: string[]): Promise<string> =>
    bench.peer(namespace(lease), ...args);

  test('has its own name servers asked where it names some', async () => {
    const other = upstreamAddress.replace('127.77.', '127.78.');
    const second = await startUpstream(other, '192.0.2.8');
    const request = { mode: 'bridge', ports: [], names: ['own'], upstreams: [other] } as const;
    const own = await network.attach({ instanceId: bench.id(3), ...request });
    const resolve = (lease: NetworkLease) => from(lease, 'resolve', 'example.org', 'A', resolver);
    expect([await resolve(own), await resolve(quiet)]).toEqual(['NOERROR 192.0.2.8', 'NOERROR 192.0.2.7']);
    await network.detach(bench.id(3), own);
    second.close();
  }, 30_000);

  test('takes no look-up of a neighbour: 300 names that nobody answers', async () => {
    expect(await from(greedy, 'burst', 'silent', resolver, '300')).toBe('300');
    expect(await from(quiet, 'lookups', 'example.org', resolver, '20')).toBe('20');
  }, 30_000);

  test('takes no time of the thread that answers requests, and no answer of a neighbour', async () => {
    const before = process.threadCpuUsage();
    const flooding = [1, 2].map(() => from(greedy, 'flood', 'silent', resolver, '4'));
    const answered = [
      await from(quiet, 'lookups', 'greedy', resolver, '20'),
      await from(quiet, 'lookups', 'example.org', resolver, '20'),
    ];
    const sent = (await Promise.all(flooding)).reduce((sum, count) => sum + Number(count), 0);
    const { user, system } = process.threadCpuUsage(before);
    expect(answered).toEqual(['20', '20']);
    expect(sent).toBeGreaterThan(10_000);
    // The upstream of this test lives here as well; answering a query took 0.1 ms.
    expect((user + system) / 1000).toBeLessThan(800);
  }, 30_000);
});
