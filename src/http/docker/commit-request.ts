import * as v from 'valibot';
import type { CommitRequest } from '../../engine/api.ts';
import { HullError } from '../../model/errors.ts';
import type { Healthcheck, ImageRunConfig } from '../../model/image.ts';
import type { Exchange } from '../exchange.ts';

const text = v.nullish(v.string());
const set = v.nullish(v.record(v.string(), v.unknown()));
const command = v.nullish(v.union([v.array(v.string()), v.string()]));
const integer = v.nullish(v.pipe(v.number(), v.safeInteger()));

/** A container's configuration, or nothing: docker sends `null`. */
const commitBody = v.nullish(
  v.looseObject({
    User: text,
    ExposedPorts: set,
    Env: v.nullish(v.array(v.string())),
    Cmd: command,
    Entrypoint: command,
    Healthcheck: v.nullish(
      v.object({
        Test: v.nullish(v.array(v.string())),
        Interval: integer,
        Timeout: integer,
        StartPeriod: integer,
        StartInterval: integer,
        Retries: integer,
      }),
    ),
    Volumes: set,
    WorkingDir: text,
    OnBuild: v.nullish(v.array(v.string())),
    Labels: v.nullish(v.record(v.string(), v.string())),
    StopSignal: text,
    Shell: v.nullish(v.array(v.string())),
  }),
);

/** `POST /commit`. Throws `invalid-argument`. */
export async function readCommitRequest(exchange: Exchange): Promise<CommitRequest> {
  const { query } = exchange;
  const instance = query.text('container') ?? '';
  // In the words of Docker's daemon.
  if (instance === '') throw new HullError('invalid-argument', 'invalid name or ID supplied: ""');
  const body = await exchange.json(commitBody);
  const repository = query.nonEmpty('repo');
  const tag = query.nonEmpty('tag');
  const config = toConfig(body);
  return {
    instance,
    ...(repository === undefined
      ? {}
      : { reference: tag === undefined ? repository : `${repository}:${tag}` }),
    comment: query.text('comment') ?? '',
    author: query.text('author') ?? '',
    pause: query.flag('pause', true),
    changes: query.all('changes').filter((change) => change !== ''),
    ...(config === null ? {} : { config }),
  };
}

type Body = v.InferOutput<typeof commitBody>;

/** Null for a body that says nothing. */
function toConfig(body: Body): ImageRunConfig | null {
  if (body === null || body === undefined || Object.keys(body).length === 0) return null;
  const entries: Record<string, unknown> = {
    User: body.User,
    ExposedPorts: emptied(body.ExposedPorts),
    Env: body.Env,
    Cmd: listed(body.Cmd),
    Entrypoint: listed(body.Entrypoint),
    Healthcheck: toHealthcheck(body.Healthcheck),
    Volumes: emptied(body.Volumes),
    WorkingDir: body.WorkingDir,
    OnBuild: body.OnBuild,
    Labels: body.Labels,
    StopSignal: body.StopSignal,
    Shell: body.Shell,
  };
  const said = Object.entries(entries).filter(
    ([, value]) => value !== null && value !== undefined && value !== '',
  );
  return Object.fromEntries(said) as ImageRunConfig;
}

function listed(value: readonly string[] | string | null | undefined): readonly string[] | null {
  return typeof value === 'string' ? [value] : (value ?? null);
}

function emptied(value: Record<string, unknown> | null | undefined): Record<string, object> | null {
  const keys = Object.keys(value ?? {});
  return keys.length === 0 ? null : Object.fromEntries(keys.map((key) => [key, {}]));
}

function toHealthcheck(value: NonNullable<Body>['Healthcheck']): Healthcheck | null {
  if (value?.Test === null || value?.Test === undefined) return null;
  const numbers = Object.entries(value).filter(([name, one]) => name !== 'Test' && typeof one === 'number');
  return { ...(Object.fromEntries(numbers) as Omit<Healthcheck, 'Test'>), Test: value.Test };
}
