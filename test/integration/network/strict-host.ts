/**
 * Plays a host whose iptables drop what is forwarded, in network and mount namespaces of its own (run under `unshare --net --mount`), so that
 * the real host's rules stay as they are. Arguments: `docker` or `plain`. Prints what was seen as one line of JSON.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { namespace, NetworkBench } from './bench.ts';

const IP_FORWARD = '/proc/sys/net/ipv4/ip_forward';
const bench = new NetworkBench();
const { host } = bench;
// /sys shows the links of the namespace that it was mounted in.
host.mounts.mount('sysfs', '/sys', 'sysfs');
await host.exec.must(['ip', 'link', 'set', 'lo', 'up']);
writeFileSync(IP_FORWARD, '0');

const setUp = [['-P', 'FORWARD', 'DROP']];
if (process.argv[2] === 'docker')
  setUp.push(
    ['-N', 'DOCKER-USER'],
    ['-A', 'FORWARD', '-j', 'DOCKER-USER'],
    ['-A', 'DOCKER-USER', '-j', 'RETURN'],
  );
for (const rule of setUp) await host.exec.must(['iptables', '-w', ...rule]);
const rules = () => host.exec.must(['iptables', '-w', '-S']);
const before = await rules();

const network = bench.network();
try {
  const computer = await bench.computer('outside', '198.18.250');
  await network.start(new Map());
  // A second start of the same engine must not add its rules twice.
  await network.stop();
  await network.start(new Map());
  const during = await rules();
  const forwarding = readFileSync(IP_FORWARD, 'utf8').trim();
  const ports = [{ protocol: 'tcp' as const, containerPort: 80, hostIp: '0.0.0.0', hostPort: 8080 }];
  const lease = await network.attach({ instanceId: bench.id(1), mode: 'bridge', ports, names: [] });
  const other = await network.attach({ instanceId: bench.id(2), mode: 'bridge', ports: [], names: [] });
  await bench.serve(computer, 'internet', 'tcp:80');
  await bench.serve(namespace(lease), 'server', 'tcp:80');
  const outward = await bench.peer(namespace(lease), 'ask', 'tcp', '198.18.250.2', '80');
  const inward = await bench.peer(computer, 'ask', 'tcp', '198.18.250.1', '8080');
  const across = await bench.peer(
    namespace(other),
    'ask',
    'tcp',
    lease.attachments[0]?.endpoint.address ?? '',
    '80',
  );
  await network.detach(bench.id(1), lease);
  await network.detach(bench.id(2), other);
  await network.teardown();
  const after = await rules();
  const restored = readFileSync(IP_FORWARD, 'utf8').trim();
  const traces = await bench.traces();
  console.log(
    JSON.stringify({
      added: added(before, during),
      forwarding,
      outward,
      inward,
      across,
      same: before === after,
      restored,
      traces,
    }),
  );
} finally {
  await bench.clean();
}

function added(earlier: string, later: string): number {
  return later.split('\n').length - earlier.split('\n').length;
}
