import { expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { createHost } from '../../src/host/index.ts';

const NARROW = new URL('network/narrow-host.ts', import.meta.url).pathname;
const ADVERTISED = new URL('network/advertised-host.ts', import.meta.url).pathname;
const SHARED = new URL('network/shared-host.ts', import.meta.url).pathname;
const { exec } = createHost();

interface Seen {
  readonly across: readonly string[];
  readonly state: unknown;
}
interface Narrow {
  readonly before: Seen;
  readonly during: Readonly<Record<string, unknown>>;
  readonly after: Seen;
  readonly traces: readonly string[];
}
interface Advertised {
  readonly before: { readonly settings: readonly string[]; readonly defaults: readonly string[] };
}

/** Runs a script as a host of its own. */
async function play(script: string, ...args: string[]): Promise<string> {
  return exec.must(['unshare', '--net', '--mount', process.execPath, script, ...args], { timeout: 60_000 });
}

const legacy = existsSync('/usr/sbin/iptables-legacy') && existsSync('/proc/net/ip_tables_names');
const kinds = ['none', 'nftables', 'iptables-nft', ...(legacy ? ['iptables-legacy'] : [])];

test.each([...kinds.map((kind) => [kind, 'host'] as const), ['none', 'router'] as const])(
  'ports and forwarding are as narrow as they were asked for (firewall: %s, the machine is a %s)',
  async (firewall, role) => {
    const seen = JSON.parse(await play(NARROW, firewall, role)) as Narrow;
    const routed = role === 'router' ? ['right 198.18.251.2', 'right fd00:251::2'] : ['nothing', 'nothing'];
    // Networks of others: as it was before, also while the engine forwards for its own instances.
    expect(seen.before.across).toEqual(routed);
    expect(seen.during).toEqual({
      across: routed,
      outward: 'left 198.18.251.1',
      outward6: 'left fd00:251::1',
      published: ['instance 198.18.251.2', expect.stringMatching(/^instance 172\./), 'instance fd00:251::2'],
      fromRight: firewall === 'nftables' ? 'nothing' : 'instance 198.18.252.2',
      // From the host, then from a neighbour on the same wire that sends 127.0.0.1 to the host.
      loopback: [expect.stringMatching(/^instance /), 'nothing', 'nothing'],
      oneAddress: ['instance 198.18.252.1', 'nothing', 'nothing'],
      oneAddress6: ['instance fd00:252::1', 'nothing'],
      direct: ['nothing', 'nothing', 'nothing'],
      internal: ['nothing', 'nothing', 'nothing', expect.stringMatching(/^instance /)],
    });
    expect(seen.after).toEqual(seen.before);
    expect(seen.traces).toEqual([]);
  },
  60_000,
);

test('the host goes on listening to its own router, and takes nothing from the instances that play one', async () => {
  const seen = JSON.parse(await play(ADVERTISED)) as Advertised;
  const { settings, defaults } = seen.before;
  expect(defaults).toEqual([expect.stringMatching(/^default via fe80::bad dev t....-router proto ra$/)]);
  expect(settings.every((line) => line.endsWith(': 1 0'))).toBe(true);
  expect<unknown>(seen).toEqual({
    before: { settings, defaults, address: true },
    // What a killed daemon left changed is set back by the next one.
    recovered: '1',
    during: { settings, defaults, forwarding: '1' },
    listens: true,
    taken: { defaults, address: false, listening: [] },
    links: expect.any(Number),
    after: { settings, defaults, forwarding: '0' },
  });
}, 60_000);

test('the last engine turns forwarding off again, and none takes it from Docker', async () => {
  expect(JSON.parse(await play(SHARED))).toEqual({
    // Does the host forward, does the link that did so before, and is the table there?
    before: ['0', '1', false],
    both: ['1', '1', true],
    alone: ['1', '1', true],
    reached: 'outside 198.18.254.1',
    none: ['0', '1', false],
    docker: 'outside 10.77.0.2',
    managed: ['1', '1', true],
    after: ['0', '1', false],
  });
}, 60_000);
