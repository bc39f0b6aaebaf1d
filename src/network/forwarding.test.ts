import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { learntLinks, parseTable } from './forwarding.ts';

test('what nft lists of the shared table', () => {
  const text = `table ip hull_forwarding {
	comment "accept_redirects=1"
	set bridges {
		type ifname
		elements = { "hull-ab12", "br-1" }
	}

	set before {
		type ifname
	}

	chain forward {
		type filter hook forward priority filter; policy accept;
		iifname @bridges accept
	}
}`;
  expect(parseTable(text)).toEqual({ bridges: ['hull-ab12', 'br-1'], before: [], acceptRedirects: '1' });
  expect(
    parseTable(text.replace('type ifname\n\t}', 'type ifname\n\t\telements = { "eth1" }\n\t}')).before,
  ).toEqual(['eth1']);
});
test('any text gives lists', () => {
  fc.assert(fc.property(fc.string(), (text) => Array.isArray(parseTable(text).bridges)));
  fc.assert(fc.property(fc.string(), (text) => Array.isArray(learntLinks(text))));
  fc.assert(fc.property(fc.json(), (text) => Array.isArray(learntLinks(text))));
});
test('links whose routes were learnt: marked so, or with an end', () => {
  const routes = [
    { dst: 'default', dev: 'lo', protocol: 'ra' },
    { dst: '2001:db8::/64', dev: 'lo', protocol: 'kernel', expires: 86_000 },
    { dst: 'fe80::/64', dev: 'nosuchlink', protocol: 'ra' },
  ];
  expect(learntLinks(JSON.stringify(routes))).toEqual(['lo']);
  expect(learntLinks(JSON.stringify([{ dst: '::1', dev: 'lo', protocol: 'kernel' }]))).toEqual([]);
});
