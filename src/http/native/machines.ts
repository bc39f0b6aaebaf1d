import * as v from 'valibot';
import type { Machine, MachineList } from '../../../api/native.ts';
import type { EngineApi } from '../../engine/api.ts';
import type { MachineDisk } from '../../model/machine.ts';
import type { Exchange } from '../exchange.ts';
import type { Route } from '../router.ts';
import { streamProgress } from './progress-stream.ts';

export const machineRoutes: readonly Route[] = [
  { method: 'GET', path: '/machines', handler: list },
  { method: 'POST', path: '/machines', handler: create },
  { method: 'GET', path: '/machines/:name', handler: inspect },
  { method: 'DELETE', path: '/machines/:name', handler: remove },
];

const createBody = v.object({
  name: v.string(),
  suite: v.optional(v.string()),
  packages: v.optional(v.array(v.string()), []),
  files: v.optional(v.record(v.string(), v.string())),
  size: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(1))),
});

function list(engine: EngineApi, exchange: Exchange): void {
  const answer: MachineList = { machines: engine.machines.list().map(machine) };
  exchange.send(answer);
}

function inspect(engine: EngineApi, exchange: Exchange): void {
  exchange.send(machine(engine.machines.get(exchange.param('name'))));
}

async function create(engine: EngineApi, exchange: Exchange): Promise<void> {
  const { name, packages, suite, files, size } = await exchange.json(createBody);
  const request = {
    name,
    packages,
    ...(suite === undefined ? {} : { suite }),
    ...(files === undefined ? {} : { files }),
    ...(size === undefined ? {} : { size }),
  };
  await streamProgress(exchange, async (onProgress, signal) => ({
    machine: machine(await engine.machines.create(request, onProgress, signal)),
  }));
}

async function remove(engine: EngineApi, exchange: Exchange): Promise<void> {
  await engine.machines.remove(exchange.param('name'));
  exchange.empty();
}

function machine(disk: MachineDisk): Machine {
  const { name, kernel, virtualSize, storedSize, createdAt, description } = disk;
  return { name, disk: disk.disk, kernel, virtualSize, storedSize, createdAt, description };
}
