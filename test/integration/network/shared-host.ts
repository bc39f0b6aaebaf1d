/**
 * Plays a host with two engines, and then with a bridge of Docker's, in network and mount namespaces of its own (run under `unshare --net --mount`).
 * Prints whether the host forwards, and what is reached, after each step as one line of JSON.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { namespace, NetworkBench } from './bench.ts';

const FORWARD = '/proc/sys/net/ipv4/ip_forward';
const [first, second] = [new NetworkBench(), new NetworkBench()];
first.host.mounts.mount('sysfs', '/sys', 'sysfs');
await first.inside(null, 'ip', 'link', 'set', 'lo', 'up');
writeFileSync(FORWARD, '0');
// It forwards already, as its administrator wants it.
await first.inside(null, 'ip', 'link', 'add', 'own0', 'type', 'veth', 'peer', 'name', 'own1');
writeFileSync('/proc/sys/net/ipv4/conf/own0/forwarding', '1');

const tables = async () =>
  (await first.inside(null, 'nft', 'list', 'tables')).includes('table ip hull_forwarding');
const state = async () => [
  readFileSync(FORWARD, 'utf8').trim(),
  readFileSync('/proc/sys/net/ipv4/conf/own0/forwarding', 'utf8').trim(),
  await tables(),
];
try {
  const outside = await first.computer('outside', '198.18.254');
  await first.serve(outside, 'outside', 'tcp:80');
  const [one, two] = [first.network(), second.network()];
  const before = await state();
  await Promise.all([one.start(new Map()), two.start(new Map())]);
  const both = await state();
  await one.teardown();
  const alone = await state();
  const lease = await two.attach({ instanceId: second.id(1), mode: 'bridge', ports: [], names: [] });
  const reached = await second.peer(namespace(lease), 'ask', 'tcp', '198.18.254.2', '80');
  await two.detach(second.id(1), lease);
  await two.teardown();
  const none = await state();

  // Docker comes while the engine runs, and finds forwarding on.
  const again = first.network();
  await again.start(new Map());
  await first.inside(null, 'ip', 'link', 'add', 'docker0', 'type', 'bridge');
  await first.inside(null, 'ip', 'address', 'add', '10.77.0.1/24', 'dev', 'docker0');
  await first.inside(null, 'ip', 'link', 'set', 'docker0', 'up');
  const container = await first.computer('container', '198.18.255');
  await first.inside(null, 'ip', 'link', 'set', `t${first.identity.tag}-container`, 'master', 'docker0');
  const lines = ['address add 10.77.0.2/24 dev eth0', 'route add default via 10.77.0.1'];
  const input = `${lines.join('\n')}\n`;
  await first.host.exec.must([...first.host.namespaces.enterNet(container), 'ip', '-batch', '-'], { input });
  await first.inside(outside, 'ip', 'route', 'add', '10.77.0.0/24', 'via', '198.18.254.1');
  const docker = await first.peer(container, 'ask', 'tcp', '198.18.254.2', '80');
  await again.teardown();
  const managed = await state();
  await first.inside(null, 'ip', 'link', 'delete', 'docker0');
  await first.network().teardown();
  console.log(JSON.stringify({ before, both, alone, reached, none, docker, managed, after: await state() }));
} finally {
  await first.clean();
  await second.clean();
}
process.exit(0);
