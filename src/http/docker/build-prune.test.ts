import { describe, expect, test } from 'bun:test';
import type { CachedStep } from '../../engine/api.ts';
import { Query } from '../query.ts';
import { readCacheRule, stepId } from './build-prune.ts';

const HOUR = 3_600_000;
const step = (change: Partial<CachedStep> = {}): CachedStep => ({
  key: `sha256:${'a'.repeat(64)}`,
  createdAt: Date.now() - 2 * HOUR,
  bytes: 10,
  shared: false,
  ...change,
});
const rule = (values: Record<string, string>) =>
  readCacheRule(new Query(new URLSearchParams(values).toString()));
const matches = (filters: Record<string, string[]>, change: Partial<CachedStep> = {}) =>
  rule({ filters: JSON.stringify(filters) }).matches?.(step(change));

describe('the query of POST /build/prune', () => {
  test('asks for nothing in particular', () => {
    expect(rule({})).toEqual({ all: false });
    expect(rule({ all: '1', 'keep-storage': '0', filters: '{}' })).toEqual({ all: true });
  });
  test('bytes to keep, by the names of all versions', () => {
    expect(rule({ 'keep-storage': '5' })).toEqual({ all: false, keepBytes: 5 });
    expect(rule({ 'reserved-space': '7', 'max-used-space': '9' })).toEqual({ all: false, keepBytes: 9 });
    expect(() => rule({ 'min-free-space': '1' })).toThrow('min-free-space');
  });
  test('a time', () => {
    for (const name of ['until', 'unused-for']) {
      expect(matches({ [name]: ['1h'] })).toBe(true);
      expect(matches({ [name]: ['3h'] })).toBe(false);
    }
    expect(() => matches({ until: ['1h'], 'unused-for': ['1h'] })).toThrow('conflicting');
    expect(() => matches({ until: ['soon'] })).toThrow('soon');
  });
  test('labels: steps have none', () => {
    expect(matches({ label: ['a'] })).toBe(false);
    expect(matches({ 'label!': ['a'] })).toBe(true);
  });
  test('what a step is', () => {
    expect(matches({ id: [stepId(step().key)] })).toBe(true);
    expect(matches({ id: ['b'] })).toBe(false);
    expect(matches({ type: ['regular'] })).toBe(true);
    expect(matches({ type: ['source.local'] })).toBe(false);
    expect(matches({ shared: ['true'] })).toBe(false);
    expect(matches({ shared: ['true'] }, { shared: true })).toBe(true);
    expect(matches({ inuse: ['true'] })).toBe(false);
  });
  test('other filters are refused', () => {
    expect(() => matches({ colour: ['red'] })).toThrow("invalid filter 'colour'");
  });
});
