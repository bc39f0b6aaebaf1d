import { defineCommand } from '../command.ts';
import { CommandFailure } from '../usage-error.ts';

export const command = defineCommand({
  usage: 'port INSTANCE [PORT[/PROTOCOL]]',
  summary: 'Show where the ports of an instance are published',
  example: 'hull port web 80',
  flags: {},
  args: { min: 1, max: 2 },
  completeArgs: ['running'],
  run: async ({ io, client }, _values, [name = '', asked]) => {
    const { NetworkSettings } = await client.containers.inspect(name);
    const published = Object.entries(NetworkSettings.Ports).flatMap(([port, bindings]) =>
      (bindings ?? []).map(({ HostIp, HostPort }) => ({ port, at: address(HostIp ?? '', HostPort ?? '') })),
    );
    if (asked === undefined) {
      const inOrder = published.toSorted((a, b) => parseInt(a.port, 10) - parseInt(b.port, 10));
      io.out(inOrder.map(({ port, at }) => `${port} -> ${at}\n`).join(''));
      return 0;
    }
    const wanted = asked.includes('/') ? asked.toLowerCase() : `${asked}/tcp`;
    const found = published.filter(({ port }) => port === wanted);
    if (found.length === 0) throw new CommandFailure(1, `${name} does not publish port ${wanted}`);
    io.out(found.map(({ at }) => `${at}\n`).join(''));
    return 0;
  },
});

function address(ip: string, port: string): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}
