import { expect, test } from 'bun:test';
import { networkInterfaces } from 'node:os';
import { isHullError } from '../model/errors.ts';
import { HostCheck } from './host-check.ts';

function passes(check: HostCheck, headers: Record<string, string>): boolean {
  try {
    check.check(headers);
    return true;
  } catch (error) {
    if (isHullError(error, 'denied')) return false;
    throw error;
  }
}

test.each([
  ['127.0.0.1', [], '127.0.0.1:2376', true],
  ['127.0.0.1', [], 'localhost', true],
  ['127.0.0.1', [], 'LocalHost:2376', true],
  ['127.0.0.1', [], '[::1]:2376', true],
  ['127.0.0.1', [], '127.0.0.1.evil.example', false],
  ['127.0.0.1', [], 'evil.example:2376', false],
  ['127.0.0.1', [], '127.0.0.2', false],
  ['127.0.0.1', [], '', false],
  ['127.0.0.1', [], 'user@127.0.0.1', false],
  ['127.0.0.1', ['Build.example'], 'build.EXAMPLE:1', true],
  ['10.0.0.1', [], '10.0.0.1', true],
  ['10.0.0.1', [], 'localhost', false],
  ['0.0.0.0', [], '127.0.0.1', true],
  ['::', [], '127.0.0.1:80', true],
  ['0.0.0.0', [], '192.0.2.55', false],
  ['0.0.0.0', [], 'evil.example', false],
])('listening on %s (also %j), a request for %p passes: %p', (hostname, allowed: string[], host, passed) => {
  expect(networkInterfaces()['lo']).toBeDefined();
  expect(passes(new HostCheck(hostname, allowed), { host })).toBe(passed);
});

test('pages of other origins are refused', () => {
  const check = new HostCheck('127.0.0.1', []);
  const host = '127.0.0.1:2376';
  expect(passes(check, { host, origin: 'https://127.0.0.1:2376' })).toBe(true);
  for (const origin of ['http://127.0.0.1:2376', 'https://127.0.0.1', 'https://evil.example', 'null', '']) {
    expect(passes(check, { host, origin })).toBe(false);
  }
});
