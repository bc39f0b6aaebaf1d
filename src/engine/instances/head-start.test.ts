import { expect, test } from 'bun:test';
import type { InstanceConfig } from '../../model/instance.ts';
import { isWorthHeadStart } from './head-start.ts';

const disposable = {
  autoRemove: true,
  isolation: 'container',
  networkMode: 'bridge',
  networks: [],
  ports: [],
  mounts: [],
} as unknown as InstanceConfig;

const connection = { network: 'bridge', aliases: [], driverOptions: {}, links: [], gatewayPriority: 0 };
const port = { protocol: 'tcp', containerPort: 80, hostIp: '0.0.0.0', hostPort: 8080 } as const;
const volume = { type: 'volume', source: '/v', target: '/v', readOnly: false, options: [] } as const;

test('what is removed at its end is run at once', () => {
  expect(isWorthHeadStart(disposable)).toBe(true);
  expect(isWorthHeadStart({ ...disposable, networks: [connection] })).toBe(true);
  expect(isWorthHeadStart({ ...disposable, mounts: [{ ...volume, type: 'bind' }] })).toBe(true);
});

test.each([
  ['stays', { autoRemove: false }],
  ['takes a port', { ports: [port] }],
  ['has an address of its own', { networks: [{ ...connection, ipv4: '10.0.0.9' }] }],
  ['mounts a volume', { mounts: [volume] }],
  ['is a VM', { isolation: 'vm' }],
  ['joins another', { networkMode: 'container' }],
] as const)('an instance that %s waits for its start', (_, change) => {
  expect(isWorthHeadStart({ ...disposable, ...change })).toBe(false);
});
