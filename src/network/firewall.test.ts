import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { forwardChain } from './foreign-chains.ts';
import { createBatch, removeBatch } from './links.ts';
import {
  ANY_ADDRESS,
  type BridgeRules,
  elementsText,
  type Forward,
  parseForwards,
  tableText,
} from './nft.ts';
import { socketInodes } from './port-holder.ts';

const forward: Forward = {
  protocol: 'udp',
  hostIp: ANY_ADDRESS,
  hostPort: 1812,
  address: '172.20.0.2',
  port: 1812,
};
const onOne: Forward = { ...forward, protocol: 'tcp', hostIp: '127.0.0.1', hostPort: 8080, port: 80 };

describe('nft text', () => {
  test('elements go into the map for all addresses or for one', () => {
    expect(elementsText('add', 'hull_ab12', [forward, onOne])).toBe(
      'add element ip hull_ab12 published { udp . 1812 : 172.20.0.2 . 1812 }\n' +
        'add element ip hull_ab12 published_on_address { 127.0.0.1 . tcp . 8080 : 172.20.0.2 . 80 }\n',
    );
    expect(elementsText('delete', 'hull_ab12', [])).toBe('');
  });
  test('the table is written anew in one transaction, but for the user’s chain', () => {
    const bridge: BridgeRules = {
      bridge: 'hull-ab12',
      subnet: '172.20.0.0/16',
      gateway: '172.20.0.1',
      dns: { udp: 20001, tcp: 20002 },
      internal: false,
      among: true,
      masquerade: true,
      subnetOnly: false,
    };
    const inner: BridgeRules = {
      ...bridge,
      bridge: 'br-1',
      subnet: '10.9.0.0/24',
      internal: true,
      among: false,
      dns: null,
    };
    const text = tableText('ip', 'hull_ab12', [bridge, inner], [forward]);
    expect(text).toContain('flush chain ip hull_ab12 forward\n');
    expect(text).not.toContain('flush chain ip hull_ab12 user');
    expect(text).not.toContain('delete table');
    expect(text.endsWith(elementsText('add', 'hull_ab12', [forward]))).toBe(true);
    expect(text).toContain('add element ip hull_ab12 dns_udp { "hull-ab12" . 172.20.0.1 : 20001 }');
    expect(text).toContain('"br-1" . "br-1" : drop');
    expect(text).toContain('iifname "br-1" oifname != "br-1" drop');
    expect(text).not.toContain('ip saddr 10.9.0.0/24 oifname != "br-1" masquerade');
  });
  test('what comes from outside the subnet is dropped where ports have no guard', () => {
    const bridge: BridgeRules = {
      ...{ bridge: 'br-1', subnet: '10.9.0.0/24', gateway: '10.9.0.1', dns: null },
      ...{ internal: false, among: true, masquerade: true, subnetOnly: true },
    };
    const rule = 'iifname "br-1" ip saddr != { 10.9.0.0/24, 0.0.0.0 } drop';
    expect(tableText('ip', 't', [bridge], [])).toContain(rule);
    expect(tableText('ip', 't', [{ ...bridge, subnetOnly: false }], [])).not.toContain(rule);
    expect(tableText('ip6', 't', [{ ...bridge, subnet: 'fd00::/64' }], [])).toContain(
      'iifname "br-1" ip6 saddr != { fd00::/64, ::, fe80::/10 } drop',
    );
  });
  test('what nft lists is what was added', () => {
    const listing = {
      nftables: [
        { metainfo: { json_schema_version: 1 } },
        { map: { name: 'published', elem: [[{ concat: ['udp', 1812] }, { concat: ['172.20.0.2', 1812] }]] } },
        {
          map: {
            name: 'published_on_address',
            elem: [[{ concat: ['127.0.0.1', 'tcp', 8080] }, { concat: ['172.20.0.2', 80] }]],
          },
        },
        { map: { name: 'empty' } },
      ],
    };
    expect(parseForwards(JSON.stringify(listing))).toEqual([forward, onOne]);
  });
  test('any JSON gives a list', () => {
    fc.assert(fc.property(fc.json(), (text) => Array.isArray(parseForwards(text))));
    const nearly = fc.record({
      nftables: fc.array(fc.record({ map: fc.record({ elem: fc.array(fc.array(fc.jsonValue())) }) })),
    });
    fc.assert(fc.property(nearly, (value) => Array.isArray(parseForwards(JSON.stringify(value)))));
  });
});

describe('ip batch text', () => {
  test('creates a port of the bridge whose peer is in the namespace', () => {
    expect(
      createBatch(
        [
          {
            hostLink: 'hlab12-2',
            namespace: '/run/hull/netns/2',
            macAddress: '02:42:ac:14:00:02',
            addresses: [],
          },
        ],
        { bridge: 'hull-ab12', mtu: 1500 },
      ),
    ).toBe(
      'link add dev hlab12-2 mtu 1500 master hull-ab12 type veth peer name eth0 mtu 1500 address 02:42:ac:14:00:02 netns "/run/hull/netns/2"\n' +
        'link set dev hlab12-2 addrgenmode none up type bridge_slave hairpin on\n',
    );
  });
  test('removes in one go', () => {
    expect(removeBatch(['a', 'b'], 77)).toBe(
      'link set dev a group 77\nlink set dev b group 77\nlink delete group 77\n',
    );
  });
});

describe('other firewalls', () => {
  test('nothing is needed where iptables lets packets through', () => {
    expect(forwardChain('-P INPUT DROP\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n')).toBeNull();
  });
  test('Docker leaves a chain to others, ufw does not', () => {
    expect(forwardChain('-P FORWARD DROP\n-N DOCKER-USER\n-A FORWARD -j DOCKER-USER\n')).toBe('DOCKER-USER');
    expect(forwardChain('-P FORWARD DROP\n-N ufw-before-forward\n')).toBe('FORWARD');
    expect(forwardChain('-P FORWARD ACCEPT\n-A FORWARD -j REJECT --reject-with icmp-host-prohibited\n')).toBe(
      'FORWARD',
    );
  });
});

describe('who has a port', () => {
  const table = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
    '   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000000000000000 100 0 0 10 0',
    '   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000000000000000 100 0 0 10 0',
    '   2: 00000000:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0000000000000000 100 0 0 10 0',
  ].join('\n');
  test('finds the listening sockets, or all', () => {
    expect(socketInodes(table, 8080, true)).toEqual(['4711']);
    expect(socketInodes(table, 8080, false)).toEqual(['4711', '4712']);
    expect(socketInodes(table, 80, false)).toEqual([]);
  });
  test('any text gives a list', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat({ max: 65535 }), (text, port) =>
        Array.isArray(socketInodes(`head\n${text}`, port, false)),
      ),
    );
  });
});
