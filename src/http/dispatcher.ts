import { ERROR_CODE_HEADER, type ErrorResponse } from '../../api/docker.ts';
import { NATIVE_PREFIX, type NativeErrorResponse } from '../../api/native.ts';
import type { EngineApi } from '../engine/api.ts';
import { HullError, toHullError } from '../model/errors.ts';
import { dockerRoutes } from './docker/routes.ts';
import { Exchange } from './exchange.ts';
import type { HostCheck } from './host-check.ts';
import { instanceUpdateRoutes } from './instance-update.ts';
import { nativeRoutes } from './native/routes.ts';
import { toNativeError } from './native/errors.ts';
import type { Responder } from './responder.ts';
import { Router, splitVersion } from './router.ts';
import { httpStatus } from './status.ts';
import type { WireRequest } from './wire/http-connection.ts';

export type Log = (level: 'debug' | 'error', line: string) => void;

/** Takes requests to their handlers, and what handlers throw to the client. */
export class Dispatcher {
  readonly #engine: EngineApi;
  readonly #log: Log;
  readonly #router = new Router([...dockerRoutes, ...nativeRoutes, ...instanceUpdateRoutes]);
  readonly #active = new Set<Promise<void>>();
  #sequence = 0;

  constructor(engine: EngineApi, log: Log = () => undefined) {
    this.#engine = engine;
    this.#log = log;
  }

  /** Resolves when every request that is there now has its answer. */
  async idle(): Promise<void> {
    await Promise.all(this.#active);
  }

  /** Never rejects. `check`: which hosts a request may be for, where it came over TCP. */
  async dispatch(request: WireRequest, responder: Responder, check: HostCheck | null): Promise<void> {
    const work = this.#answer(request, responder, check);
    this.#active.add(work);
    await work;
    this.#active.delete(work);
  }

  async #answer(request: WireRequest, responder: Responder, check: HostCheck | null): Promise<void> {
    const id = (this.#sequence++).toString(36);
    const { method, target } = request;
    this.#log('debug', `request ${id}: ${method} ${target}`);
    const began = performance.now();
    const split = target.indexOf('?');
    const rawPath = split === -1 ? target : target.slice(0, split);
    const search = split === -1 ? '' : target.slice(split + 1);
    let exchange = new Exchange(request, responder, { id, path: rawPath, search, params: {}, apiMinor: 0 });
    try {
      check?.check(request.headers);
      const { path, apiMinor } = splitVersion(rawPath);
      const match = this.#router.find(method, path);
      // In the words of Docker's daemon, which clients compare.
      if (match === null) throw new HullError('path-not-found', 'page not found');
      exchange = new Exchange(request, responder, { id, path, search, params: match.params, apiMinor });
      await match.handler(this.#engine, exchange);
    } catch (error) {
      this.#fail(exchange, error);
    }
    this.#log('debug', `request ${id}: done after ${(performance.now() - began).toFixed(1)} ms`);
  }

  #fail(exchange: Exchange, thrown: unknown): void {
    const error = toHullError(thrown);
    // What ends because its client has gone is no defect.
    const left = exchange.signal.aborted && thrown instanceof Error && thrown.name === 'AbortError';
    if (error.code === 'internal' && !left) {
      this.#log('error', `request ${exchange.id}: ${error.stack ?? error.message}`);
    }
    if (exchange.started) {
      this.#log('debug', `request ${exchange.id}: aborted: ${error.message}`);
      exchange.abort();
      return;
    }
    const status = httpStatus(error);
    const native = exchange.path.startsWith(NATIVE_PREFIX);
    const body: NativeErrorResponse | ErrorResponse = native
      ? { error: toNativeError(error) }
      : { message: error.message };
    exchange.send(body, status, { [ERROR_CODE_HEADER]: error.code });
  }
}
