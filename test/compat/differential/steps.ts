import type { Step } from './exchange.ts';

export interface Scenario {
  readonly name: string;
  readonly steps: readonly Step[];
}

export const get = (path: string, more: Partial<Step> = {}): Step => ({ method: 'GET', path, ...more });
export const post = (path: string, body?: unknown, more: Partial<Step> = {}): Step => ({
  method: 'POST',
  path,
  ...(body === undefined ? {} : { body }),
  ...more,
});
export const remove = (path: string): Step => ({ method: 'DELETE', path });
export const create = (name: string, body: object): Step =>
  post(`/containers/create?name=${name}`, { Image: 'busybox', ...body }, { keep: ['id', 'Id'] });
