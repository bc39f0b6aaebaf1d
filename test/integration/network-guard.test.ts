import { expect, test } from 'bun:test';
import { createHost } from '../../src/host/index.ts';

const GUARDED = new URL('network/guarded-neighbours.ts', import.meta.url).pathname;
const OWN4 = ['own datagram', 'own question', 'own announcement', 'own answer', 'probe for the own address'];
const OWN6 = [
  'own datagram',
  'own datagram, link-local',
  'own datagram, random link-local',
  'own answer',
  'own answer, random link-local',
  'own question',
  'looks whether its address is free',
];

interface Seen {
  readonly ipv4: readonly string[];
  readonly ipv6: readonly string[];
  readonly opened: readonly string[];
  readonly warnings: readonly string[];
}

/** Which frames of an instance arrive at its neighbour, on a host of its own. */
async function play(...args: string[]): Promise<Seen> {
  const command = ['unshare', '--net', '--mount', process.execPath, GUARDED, ...args];
  return JSON.parse(await createHost().exec.must(command, { timeout: 60_000 })) as Seen;
}

test('an instance sends as itself alone, and nothing that configures others; also under the next daemon', async () => {
  const seen = await play();
  expect<unknown>(seen).toEqual({
    ipv4: OWN4,
    ipv6: OWN6,
    later: { ipv4: OWN4, ipv6: OWN6 },
    // On a network that was made so, everything passes.
    opened: expect.arrayContaining(['BAD datagram of the gateway', 'BAD hardware address', 'BAD router']),
    learnt: false,
    warnings: [],
    traces: [],
  });
}, 60_000);

test('where the host cannot have that, it is said, and the frames do arrive', async () => {
  const { ipv4, ipv6, warnings } = await play('refuses');
  expect(warnings).toEqual([expect.stringContaining('the kernel has no nftables for bridges')]);
  expect(ipv4).toEqual(expect.arrayContaining([...OWN4, 'BAD DHCP offer', 'BAD answer for the gateway']));
  expect(ipv6).toEqual(expect.arrayContaining([...OWN6, 'BAD router', 'BAD answer for the neighbour']));
}, 60_000);
