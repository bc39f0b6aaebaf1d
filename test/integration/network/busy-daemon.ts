/**
 * Plays a daemon that attaches and detaches instances until it is killed. Arguments: tag, data folder, run folder. Each lease is printed as
 * a line of JSON before the next step, as the engine would store it.
 */
import { writeSync } from 'node:fs';
import { createHost } from '../../../src/host/index.ts';
import { createNetwork } from '../../../src/network/index.ts';

const [tag = '', dataDir = '', runDir = '', keep = '0'] = process.argv.slice(2);
const network = createNetwork({ host: createHost(), identity: { tag, dataDir, runDir } });
await network.start(new Map());
for (let round = 0; ; round++) {
  const ids = Array.from({ length: 5 }, (_, index) => (round * 5 + index).toString(16).padStart(64, '0'));
  const leases = await Promise.all(
    ids.map((instanceId) =>
      network.attach({
        instanceId,
        mode: 'bridge',
        ports: [{ protocol: 'udp', containerPort: 1812, hostIp: '127.0.0.1', hostPort: 0 }],
        names: [`name-${instanceId.slice(-4)}`],
      }),
    ),
  );
  for (const [index, lease] of leases.entries())
    writeSync(1, `${JSON.stringify({ id: ids[index], lease })}\n`);
  if (round + 1 === Number(keep)) await Bun.sleep(60_000);
  await Promise.all(leases.map((lease, index) => network.detach(ids[index] ?? '', lease)));
}
