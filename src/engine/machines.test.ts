import { expect, test } from 'bun:test';
import type { Machines } from './api.ts';
import type { InstanceRecord } from './instances/record.ts';
import { DamagedInstances } from './instances/damaged.ts';
import { MachineService } from './machines.ts';

function service(records: readonly unknown[]): { machines: MachineService; removed: string[] } {
  const removed: string[] = [];
  const store = {
    get: (name: string) => ({ name }),
    remove: (name: string) => Promise.resolve(void removed.push(name)),
  } as unknown as Machines;
  return {
    machines: new MachineService(store, {
      all: () => records as InstanceRecord[],
      damaged: new DamagedInstances(),
    }),
    removed,
  };
}

const instance = (name: string, disk: string, state: string): unknown => ({
  config: { name, source: { kind: 'machine', disk } },
  status: { state },
});

test.each(['running', 'exited', 'created', 'removing'])(
  'a machine is not removed under an instance that is %s',
  async (state) => {
    const { machines, removed } = service([instance('vm1', 'debian', state)]);
    const refused = await machines.remove('debian').catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: 'machine-in-use',
      message: expect.stringContaining('hull rm vm1'),
    });
    expect(removed).toEqual([]);
  },
);

test('a machine that no instance is made of goes', async () => {
  const { machines, removed } = service([instance('vm1', 'other', 'running')]);
  await machines.remove('debian');
  expect(removed).toEqual(['debian']);
});
