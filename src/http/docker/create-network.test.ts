import { describe, expect, test } from 'bun:test';
import { parseJson } from '../json-body.ts';
import { networksOf } from './create-network.ts';
import { createBody } from './create-schema.ts';
import { parsePortBindings } from './ports.ts';

function read(body: object): ReturnType<typeof networksOf> {
  const parsed = parseJson(createBody, JSON.stringify(body));
  return networksOf(parsed, parsed.HostConfig ?? {});
}
const plain = { aliases: [], driverOptions: {}, links: [], gatewayPriority: 0 };

describe('networks of a create request', () => {
  test('nothing in particular', () => {
    expect(read({})).toEqual({});
    expect(read({ HostConfig: { NetworkMode: 'default' } })).toEqual({});
    expect(read({ NetworkDisabled: true })).toEqual({ networkMode: 'none' });
    const named = {
      HostConfig: { NetworkMode: 'bridge' },
      NetworkingConfig: { EndpointsConfig: { bridge: {} } },
    };
    expect(read(named)).toEqual({});
  });
  test('the network of the mode comes first, with what was wished for it', () => {
    const body = {
      MacAddress: '02:00:00:00:00:01',
      HostConfig: { NetworkMode: 'web', Links: ['db', 'cache:redis', '/mq:/own/rabbit'] },
      NetworkingConfig: {
        EndpointsConfig: {
          back: null,
          web: {
            Aliases: ['www', 'www'],
            IPAMConfig: { IPv4Address: '10.0.0.9', IPv6Address: '' },
            GwPriority: 3,
          },
        },
      },
    };
    expect(read(body)).toEqual({
      networkName: 'web',
      networks: [
        {
          ...plain,
          network: 'web',
          aliases: ['www'],
          ipv4: '10.0.0.9',
          gatewayPriority: 3,
          links: ['db:db', 'cache:redis', 'mq:rabbit'],
          macAddress: '02:00:00:00:00:01',
        },
        { ...plain, network: 'back' },
      ],
    });
  });
  test('settings under the name "default" are the default network’s', () => {
    const networks = { EndpointsConfig: { default: { MacAddress: '02:00:00:00:00:02' } } };
    expect(read({ NetworkingConfig: networks }).networks).toEqual([
      { ...plain, network: 'bridge', macAddress: '02:00:00:00:00:02' },
    ]);
  });
  test('another instance’s network leaves nothing to be wished for', () => {
    const mode = { NetworkMode: 'container:web' };
    expect(read({ HostConfig: mode })).toEqual({
      networkMode: 'container',
      networkName: 'container:web',
      joins: 'web',
    });
    for (const [body, words] of [
      [{ Hostname: 'x' }, 'hostname and the network mode'],
      [{ ExposedPorts: { '80/tcp': {} } }, 'port exposing and the container type network mode'],
      [{ MacAddress: '02:00:00:00:00:01' }, 'mac-address and the network mode'],
    ] as const)
      expect(() => read({ ...body, HostConfig: mode })).toThrow(`conflicting options: ${words}`);
    expect(() => read({ HostConfig: { NetworkMode: 'host', Links: ['a'] } })).toThrow('host type networking');
  });
});

describe('port bindings', () => {
  const one = (HostIp: string, HostPort: string) =>
    parsePortBindings({ '80/tcp': [{ HostIp, HostPort }] })[0];
  test('addresses of both families, ports and ranges', () => {
    expect(one('', '')).toEqual({ protocol: 'tcp', containerPort: 80, hostIp: '', hostPort: 0 });
    expect(one('[::1]', '8080')).toMatchObject({ hostIp: '::1', hostPort: 8080 });
    expect(one('0:0::0', '8080')).toMatchObject({ hostIp: '::' });
    expect(one('', '8000-8010')).toMatchObject({ hostPort: 8000, lastHostPort: 8010 });
    expect(one('', '8000-8000')).toEqual({ protocol: 'tcp', containerPort: 80, hostIp: '', hostPort: 8000 });
  });
  test.each(['8010-8000', '-1', 'x', '70000', '1-2-3', '80-'])('refuses the port %p', (port) => {
    expect(() => one('', port)).toThrow('invalid port specification');
  });
});
