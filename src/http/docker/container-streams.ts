import { setTimeout as sleep } from 'node:timers/promises';
import { MULTIPLEXED_STREAM, RAW_STREAM, type ContainerWaitResponse } from '../../../api/docker.ts';
import type { EngineApi, LogQuery, WaitCondition } from '../../engine/api.ts';
import { HullError, messageOf } from '../../model/errors.ts';
import type { Instance } from '../../model/instance.ts';
import { detachWatcher, parseDetachKeys } from '../detach-keys.ts';
import type { Exchange } from '../exchange.ts';
import { readLimited } from '../json-body.ts';
import { encodeBatch } from '../log-frames.ts';
import type { ByteSink } from '../responder.ts';
import type { Route } from '../router.ts';
import { bridge, type BridgeOptions } from '../stdio-bridge.ts';
import { logDetails } from './log-details.ts';

export const containerStreamRoutes: readonly Route[] = [
  { method: 'POST', path: '/containers/:id/attach', handler: attach },
  { method: 'GET', path: '/containers/:id/logs', handler: logs },
  { method: 'POST', path: '/containers/:id/wait', handler: wait },
];

/** Multiplexed streams have a media type of their own since API 1.42. */
export function streamType(multiplexed: boolean, apiMinor: number): string {
  return multiplexed && apiMinor >= 42 ? MULTIPLEXED_STREAM : RAW_STREAM;
}

async function attach(engine: EngineApi, exchange: Exchange): Promise<void> {
  const { query } = exchange;
  const instance = engine.instances.get(exchange.param('id'));
  // dockerode sends its options as a body, too; what comes after it is input.
  if (exchange.headers['content-length'] !== undefined) await readLimited(exchange.body());
  const options = attachOptions(exchange, instance);
  const past: LogQuery = { ...options, follow: false, tail: null, since: null, until: null };
  const { stdin, stdout, stderr } = options;
  if (!query.flag('stream')) {
    const connection = exchange.hijack(streamType(options.multiplexed, exchange.apiMinor));
    if (query.flag('logs')) await copyPast(engine, exchange, instance, past, connection);
    connection.end();
    return;
  }
  // The engine may refuse: only then is the connection still HTTP.
  const stdio = await engine.instances.attach(instance.config.id, { stdin, stdout, stderr });
  const gone = exchange.signal;
  const connection = exchange.hijack(streamType(options.multiplexed, exchange.apiMinor));
  if (query.flag('logs')) await copyPast(engine, exchange, instance, past, connection);
  await bridge(connection, stdio, options, gone);
}

/** docker-py loses what arrives together with the headers; Docker's daemon takes a moment to open the log, too. */
const HEADERS_ALONE = 10;

export async function copyPast(...copy: Parameters<typeof copyLogs>): Promise<void> {
  await sleep(HEADERS_ALONE);
  await copyLogs(...copy);
}

export function attachOptions({ query }: Exchange, { config }: Instance): BridgeOptions {
  const stdin = query.flag('stdin') && config.openStdin;
  const watched = stdin && config.process.tty;
  const keys = parseDetachKeys(query.text('detachKeys') ?? '');
  return {
    multiplexed: !config.process.tty,
    stdin,
    stdout: query.flag('stdout'),
    stderr: query.flag('stderr'),
    endsInput: config.stdinOnce && !config.process.tty,
    ...(watched ? { detach: detachWatcher(keys) } : {}),
  };
}

async function logs(engine: EngineApi, exchange: Exchange): Promise<void> {
  const instance = engine.instances.get(exchange.param('id'));
  const logQuery = readLogQuery(exchange);
  if (instance.config.options.log?.driver === 'none')
    throw new HullError('not-supported', 'configured logging driver does not support reading');
  const sink = exchange.open(streamType(!instance.config.process.tty, exchange.apiMinor));
  await copyLogs(engine, exchange, instance, logQuery, sink);
  sink.end();
}

function readLogQuery({ query }: Exchange): LogQuery {
  const asked = { stdout: query.flag('stdout'), stderr: query.flag('stderr') };
  if (!asked.stdout && !asked.stderr) {
    throw new HullError('invalid-argument', 'Bad parameters: you must choose at least one stream');
  }
  // As Docker: what is no number, such as "all", is all.
  const tail = Number(query.nonEmpty('tail') ?? 'all');
  return {
    ...asked,
    follow: query.flag('follow'),
    tail: Number.isInteger(tail) && tail >= 0 ? tail : null,
    since: query.time('since'),
    until: query.time('until'),
  };
}

async function copyLogs(
  engine: EngineApi,
  exchange: Exchange,
  { config }: Instance,
  logQuery: LogQuery,
  sink: ByteSink,
  multiplexed = !config.process.tty,
): Promise<void> {
  const { query } = exchange;
  const encoding = {
    stamps: query.flag('timestamps'),
    multiplexed,
    ...(query.flag('details') ? { details: logDetails(config) } : {}),
  };
  const { signal } = exchange;
  for await (const batch of engine.instances.logs(config.id, logQuery, signal)) {
    if (signal.aborted) return;
    await sink.write(encodeBatch(batch, encoding));
  }
}

const WAIT_CONDITIONS: readonly WaitCondition[] = ['not-running', 'next-exit', 'removed'];

async function wait(engine: EngineApi, exchange: Exchange): Promise<void> {
  const asked = exchange.query.nonEmpty('condition') ?? 'not-running';
  const condition = WAIT_CONDITIONS.find((known) => known === asked);
  if (condition === undefined) {
    throw new HullError('invalid-argument', `query parameter "condition": use ${WAIT_CONDITIONS.join(', ')}`);
  }
  const { id } = engine.instances.get(exchange.param('id')).config;
  // Registered before the headers go out: a client starts the instance as soon as it has them.
  const answer: Promise<ContainerWaitResponse> = engine.instances.wait(id, condition, exchange.signal).then(
    ({ code }) => ({ StatusCode: code }),
    (error: unknown) => ({ StatusCode: -1, Error: { Message: messageOf(error) } }),
  );
  const sink = exchange.openJson();
  await sink.write(await answer);
  sink.end();
}
