import type { ContainerCreateRequest, EndpointRequest, HostConfig } from '../../../api/docker.ts';
import { UsageError } from '../usage-error.ts';
import { endpointOf } from '../values/networks.ts';
import type { InstanceValues } from './instance-flags.ts';

/** The networks of a create request, from the flags. The flags without a network's name belong to the first one, as docker has it. */
export function networkRequest(values: InstanceValues): {
  readonly host: Pick<HostConfig, 'NetworkMode' | 'Links'>;
  readonly networking: Pick<ContainerCreateRequest, 'NetworkingConfig'>;
} {
  const [first = { name: 'default', endpoint: {} }, ...others] = values.network;
  const userDefined =
    !['default', 'bridge', 'host', 'none'].includes(first.name) && !first.name.startsWith('container:');
  const own = { ...first.endpoint, ...wished(values, userDefined) };
  const wishes = [{ name: first.name, endpoint: own }, ...others].filter(
    ({ endpoint }, index) => others.length > 0 || index > 0 || Object.keys(endpoint).length > 0,
  );
  const names = wishes.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw new UsageError(`the network ${JSON.stringify(twice)} is given more than once`);
  return {
    host: {
      NetworkMode: first.name,
      ...(userDefined || values.link.length === 0 ? {} : { Links: values.link }),
    },
    networking:
      wishes.length === 0
        ? {}
        : {
            NetworkingConfig: {
              EndpointsConfig: Object.fromEntries(wishes.map(({ name, endpoint }) => [name, endpoint])),
            },
          },
  };
}

function wished(values: InstanceValues, userDefined: boolean): EndpointRequest {
  return endpointOf({
    aliases: values['network-alias'],
    ip: values.ip,
    ip6: values.ip6,
    linkLocal: values['link-local-ip'],
    mac: values['mac-address'],
    driverOptions: [],
    links: userDefined ? values.link : [],
  });
}
