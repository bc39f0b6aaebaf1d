import { expect, test } from 'bun:test';
import { hostAndPort, parseTcpUrl } from './tcp-address.ts';

test.each([
  ['tcp://127.0.0.1:2376', '127.0.0.1:2376'],
  ['tcp://build.example.org', 'build.example.org:2376'],
  ['tcp://[::1]:1', '[::1]:1'],
  ['tcp://[fe80::1%eth0]/', '[fe80::1%eth0]:2376'],
])('%s is %s', (url, expected) => {
  const address = parseTcpUrl(url, 2376);
  expect(address === null ? null : hostAndPort(address)).toBe(expected);
});

test.each([
  'tcp://',
  'tcp://:2376',
  'tcp://a:70000',
  'tcp://a:b',
  'tcp://a/b',
  'tcp://::1:1',
  'http://a:1',
  'tcp://a b',
  'tcp://u@a',
])('%s is none', (url) => {
  expect(parseTcpUrl(url, 2376)).toBeNull();
});
