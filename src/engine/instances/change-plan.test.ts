import { describe, expect, test } from 'bun:test';
import type { InstanceConfig, InstanceMount, PortBinding } from '../../model/instance.ts';
import type { InstanceChange } from '../api.ts';
import { mergeResources, touched, withChange, withLimits } from './change-plan.ts';

const port = (containerPort: number, hostPort: number, protocol: 'tcp' | 'udp' = 'tcp'): PortBinding => ({
  protocol,
  containerPort,
  hostIp: '',
  hostPort,
});
const mount = (target: string, source = '/s'): InstanceMount => ({
  type: 'bind',
  source,
  target,
  readOnly: false,
  options: [],
});
const CONFIG = {
  process: { args: ['x'], env: ['A=1', 'B=2'], cwd: '/', user: '', tty: false },
  labels: { one: '1', two: 'a=b' },
  ports: [port(80, 8080), port(53, 5353, 'udp')],
  mounts: [mount('/a'), mount('/b')],
  resources: { memory: 100, memorySwap: 200 },
  autoRemove: false,
} as unknown as InstanceConfig;
const NOTHING: InstanceChange = {
  resources: {},
  env: [],
  labels: [],
  publish: [],
  unpublish: [],
  mounts: [],
  unmount: [],
};

describe('limits', () => {
  test.each([
    [{ cpuPeriod: 1000 }, { nanoCpus: 1 }, 'Nano CPUs cannot be updated as CPU Period'],
    [{ cpuQuota: 1000 }, { nanoCpus: 1 }, 'Nano CPUs cannot be updated as CPU Quota'],
    [{ nanoCpus: 1 }, { cpuPeriod: 1000 }, 'CPU Period cannot be updated as NanoCPUs'],
    [{ nanoCpus: 1 }, { cpuQuota: 1000 }, 'CPU Quota cannot be updated as NanoCPUs'],
    [{ memory: 1, memorySwap: 2 }, { memory: 3 }, 'already set memoryswap limit'],
  ])('%p and %p conflict', (now, change, message) => {
    expect(() => mergeResources(now, change)).toThrow(message);
  });
  test('what is not named stays; no limit of processes is none', () => {
    expect(mergeResources({ memory: 1, pidsLimit: 5 }, { cpuShares: 2 })).toEqual({
      memory: 1,
      pidsLimit: 5,
      cpuShares: 2,
    });
    expect(mergeResources({ pidsLimit: 5 }, { pidsLimit: -1 })).toEqual({});
    expect(mergeResources({ memorySwap: -1, memory: 1 }, { memory: 5 }).memory).toBe(5);
    expect(mergeResources({}, { memory: 5 }).memory).toBe(5);
  });
  test('an instance that goes at its end cannot be restarted', () => {
    const change = { resources: {}, restartPolicy: { name: 'always', maximumRetryCount: 0 } } as const;
    expect(() => withLimits({ ...CONFIG, autoRemove: true }, change)).toThrow('AutoRemove is enabled');
    expect(withLimits(CONFIG, change).restartPolicy).toEqual(change.restartPolicy);
  });
});

describe('everything else', () => {
  test('variables and labels: set, added, taken away', () => {
    const changed = withChange(
      CONFIG,
      { ...NOTHING, env: ['B=3', 'C=', 'A'], labels: ['two', 'three=x=y'] },
      [],
    );
    expect(changed.process.env).toEqual(['B=3', 'C=']);
    expect(changed.labels).toEqual({ one: '1', three: 'x=y' });
    expect(() => withChange(CONFIG, { ...NOTHING, env: ['=x'] }, [])).toThrow('no name');
  });
  test('a port that is published anew leads nowhere else', () => {
    const changed = withChange(
      CONFIG,
      { ...NOTHING, publish: [port(80, 9090), port(81, 0)], unpublish: ['53/udp'] },
      [],
    );
    expect(changed.ports).toEqual([port(80, 9090), port(81, 0)]);
    expect(() => withChange(CONFIG, { ...NOTHING, unpublish: ['53'] }, [])).toThrow('53 is not published');
  });
  test('mounts: replaced, added, taken away', () => {
    const changed = withChange(CONFIG, { ...NOTHING, unmount: ['/a'] }, [mount('/b', '/other'), mount('/c')]);
    expect(changed.mounts).toEqual([mount('/b', '/other'), mount('/c')]);
    expect(() => withChange(CONFIG, { ...NOTHING, unmount: ['/x'] }, [])).toThrow('nothing is mounted at /x');
  });
  test('what a change touches', () => {
    expect(touched(CONFIG, withChange(CONFIG, NOTHING, []))).toEqual({
      ports: false,
      resources: false,
      run: false,
    });
    const ports = withChange(CONFIG, { ...NOTHING, unpublish: ['80'] }, []);
    expect(touched(CONFIG, ports)).toEqual({ ports: true, resources: false, run: false });
    const env = withChange(CONFIG, { ...NOTHING, env: ['X=1'], resources: { cpuShares: 3 } }, []);
    expect(touched(CONFIG, env)).toEqual({ ports: false, resources: true, run: true });
  });
});
