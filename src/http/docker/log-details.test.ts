import { expect, test } from 'bun:test';
import type { CreateInstance } from '../../engine/api.ts';
import { fakeConfig } from '../testing/fake-config.ts';
import { logDetails } from './log-details.ts';

function details(log: Record<string, string>, more: Partial<CreateInstance> = {}): string {
  const config = fakeConfig(
    '0'.repeat(64),
    {
      source: { kind: 'image', reference: 'busybox' },
      labels: { app: 'shop', tier: 'a b&c' },
      env: ['STAGE=test', 'PATH=/bin'],
      ...more,
    },
    null,
  );
  return logDetails({
    ...config,
    options: { ...config.options, log: { driver: 'json-file', options: log } },
  });
}

test.each([
  [{}, ''],
  [{ labels: 'app' }, 'app=shop'],
  [{ labels: 'tier,app,absent' }, 'app=shop,tier=a+b%26c'],
  [{ env: 'STAGE', labels: 'app' }, 'STAGE=test,app=shop'],
  [{ 'labels-regex': '^ap', 'env-regex': 'PATH' }, 'PATH=%2Fbin,app=shop'],
  [{ 'labels-regex': '(' }, ''],
])('%p: %s', (log, text) => {
  expect(details(log)).toBe(text);
});
