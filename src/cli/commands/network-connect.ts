import { defineCommand } from '../command.ts';
import { list, text } from '../flags/flag.ts';
import { endpointOf } from '../values/networks.ts';

export const command = defineCommand({
  usage: 'connect [OPTIONS] NETWORK INSTANCE',
  summary: 'Connect an instance to a network, at once where it runs',
  example: 'hull network connect --alias db backend postgres',
  flags: {
    alias: list('A name for the instance on this network', { placeholder: 'NAME' }),
    'driver-opt': list('An option of the driver', { placeholder: 'NAME=VALUE' }),
    'gw-priority': text('The network with the highest one gives the default route', { placeholder: 'int' }),
    ip: text('IPv4 address', { placeholder: 'ADDRESS' }),
    ip6: text('IPv6 address', { placeholder: 'ADDRESS' }),
    link: list('A name for another instance, for this one alone', { placeholder: 'INSTANCE:NAME' }),
    'link-local-ip': list('A link-local address', { placeholder: 'ADDRESS' }),
    'mac-address': text('Hardware address', { placeholder: 'ADDRESS' }),
  },
  args: { min: 2, max: 2 },
  completeArgs: ['networks', 'instances'],
  run: async ({ client }, values, [network = '', instance = '']) => {
    const endpoint = endpointOf({
      aliases: values.alias,
      ip: values.ip,
      ip6: values.ip6,
      linkLocal: values['link-local-ip'],
      mac: values['mac-address'],
      driverOptions: values['driver-opt'],
      links: values.link,
      priority: values['gw-priority'],
    });
    await client.networks.connect(network, instance, endpoint);
    return 0;
  },
});
