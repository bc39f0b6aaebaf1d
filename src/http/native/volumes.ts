import * as v from 'valibot';
import type { VolumeSnapshot, VolumeSnapshotList } from '../../../api/native.ts';
import type { EngineApi } from '../../engine/api.ts';
import type { Exchange } from '../exchange.ts';
import type { Route } from '../router.ts';
import { volumeResource } from '../volume-resource.ts';

/** What can be done with volumes that Docker has no word for. */
export const volumeRoutes: readonly Route[] = [
  { method: 'POST', path: '/volumes/:name/rename', handler: rename },
  { method: 'POST', path: '/volumes/:name/clone', handler: clone },
  { method: 'GET', path: '/snapshots', handler: list },
  { method: 'POST', path: '/volumes/:name/snapshots', handler: snapshot },
  { method: 'POST', path: '/volumes/:name/snapshots/:snapshot/restore', handler: restore },
  { method: 'DELETE', path: '/volumes/:name/snapshots/:snapshot', handler: removeSnapshot },
];

const live = v.nullish(v.boolean(), false);
const copyBody = v.object({ name: v.string(), live });
const snapshotBody = v.object({ name: v.nullish(v.string()), live });

async function rename(engine: EngineApi, exchange: Exchange): Promise<void> {
  const { name } = await exchange.json(copyBody);
  exchange.send(volumeResource(await engine.volumes.rename(exchange.param('name'), name)));
}

async function clone(engine: EngineApi, exchange: Exchange): Promise<void> {
  const body = await exchange.json(copyBody);
  const volume = await engine.volumes.clone(exchange.param('name'), body.name, { live: body.live });
  exchange.send(volumeResource(volume), 201);
}

function list(engine: EngineApi, exchange: Exchange): void {
  const answer: VolumeSnapshotList = {
    snapshots: engine.volumes.snapshots(exchange.query.nonEmpty('volume')),
  };
  exchange.send(answer);
}

async function snapshot(engine: EngineApi, exchange: Exchange): Promise<void> {
  const body = await exchange.json(snapshotBody);
  const answer: VolumeSnapshot = await engine.volumes.snapshot(
    exchange.param('name'),
    body.name ?? undefined,
    {
      live: body.live,
    },
  );
  exchange.send(answer, 201);
}

async function restore(engine: EngineApi, exchange: Exchange): Promise<void> {
  await engine.volumes.restore(exchange.param('name'), exchange.param('snapshot'));
  exchange.empty();
}

async function removeSnapshot(engine: EngineApi, exchange: Exchange): Promise<void> {
  await engine.volumes.removeSnapshot(exchange.param('name'), exchange.param('snapshot'));
  exchange.empty();
}
