import * as v from 'valibot';
import { NATIVE_PREFIX, type InstanceUpdateAnswer } from '../../api/native.ts';
import type { EngineApi } from '../engine/api.ts';
import { toLimitChange } from './docker/container-changes.ts';
import { resourceWarnings } from './docker/create-resources.ts';
import { hostConfig, texts, updateBody } from './docker/host-config-schema.ts';
import { parseBind, parseMount, parseVolumes } from './docker/mounts.ts';
import { parsePortBindings } from './docker/ports.ts';
import type { Exchange } from './exchange.ts';
import type { Route } from './router.ts';

/** A native request in Docker's words: it says what create says. */
export const instanceUpdateRoutes: readonly Route[] = [
  { method: 'POST', path: `${NATIVE_PREFIX}/instances/:id/update`, handler: update },
];

const { Binds, Mounts, PortBindings } = hostConfig.entries;
/** Docker's update, and what Docker cannot change. */
const changeBody = v.looseObject({
  ...updateBody.entries,
  ...{ Binds, Mounts, PortBindings },
  /** Targets of anonymous volumes. */
  Volumes: texts,
  Env: texts,
  Labels: texts,
  Unpublish: texts,
  Unmount: texts,
});

async function update(engine: EngineApi, exchange: Exchange): Promise<void> {
  const body = await exchange.json(changeBody);
  const { warnings, restarted } = await engine.changes.change(exchange.param('id'), {
    ...toLimitChange(body),
    env: body.Env ?? [],
    labels: body.Labels ?? [],
    publish: parsePortBindings(body.PortBindings ?? {}),
    unpublish: body.Unpublish ?? [],
    mounts: [
      ...(body.Binds ?? []).map((bind) => parseBind(bind)),
      ...(body.Mounts ?? []).map((mount) => parseMount(mount)),
      ...parseVolumes(body.Volumes ?? []),
    ],
    unmount: body.Unmount ?? [],
  });
  const answer: InstanceUpdateAnswer = {
    Warnings: [...resourceWarnings(body), ...warnings],
    Restarted: restarted,
  };
  exchange.send(answer);
}
