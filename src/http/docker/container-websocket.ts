import type { EngineApi, LogQuery } from '../../engine/api.ts';
import type { Exchange } from '../exchange.ts';
import type { Route } from '../router.ts';
import { bridge } from '../stdio-bridge.ts';
import { attachOptions, copyPast } from './container-streams.ts';

export const containerWebsocketRoutes: readonly Route[] = [
  { method: 'GET', path: '/containers/:id/attach/ws', handler: attach },
];

/** As attach, for a page in a browser: raw output in binary messages, never in Docker's frames. */
async function attach(engine: EngineApi, exchange: Exchange): Promise<void> {
  const { query } = exchange;
  const instance = engine.instances.get(exchange.param('id'));
  const options = { ...attachOptions(exchange, instance), multiplexed: false };
  const past: LogQuery = { ...options, follow: false, tail: null, since: null, until: null };
  // A handshake that is none is refused before anything is attached.
  exchange.checkWebsocket();
  if (!query.flag('stream')) {
    const connection = exchange.websocket();
    if (query.flag('logs')) await copyPast(engine, exchange, instance, past, connection, false);
    connection.end();
    return;
  }
  const { stdin, stdout, stderr } = options;
  const stdio = await engine.instances.attach(instance.config.id, { stdin, stdout, stderr });
  const gone = exchange.signal;
  const connection = exchange.websocket();
  if (query.flag('logs')) await copyPast(engine, exchange, instance, past, connection, false);
  await bridge(connection, stdio, options, gone);
}
