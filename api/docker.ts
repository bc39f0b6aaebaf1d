/**
 * The wire shapes of the Docker Engine API (versions 1.24 to 1.51) that daemon and CLI share. Names are Docker's own.
 * Types only; what a field means is said in Docker's API reference.
 */
export type * from './docker/container-create.ts';
export type * from './docker/container-inspect.ts';
export type * from './docker/containers.ts';
export type * from './docker/images.ts';
export type * from './docker/networks.ts';
export type * from './docker/volumes.ts';
export type * from './docker/stats.ts';
export type * from './docker/system.ts';

/** The newest API version spoken, and the oldest accepted in a path. */
export const API_VERSION = '1.51';
export const MIN_API_VERSION = '1.24';

/** Media types of attach, logs and exec streams: raw terminal bytes, or frames with an 8-byte header. */
export const RAW_STREAM = 'application/vnd.docker.raw-stream';
export const MULTIPLEXED_STREAM = 'application/vnd.docker.multiplexed-stream';

/** Response header of every failed request: the stable code of `src/model/error-codes.ts`. */
export const ERROR_CODE_HEADER = 'X-Hull-Error';

/** Body of every failed Docker request. */
export interface ErrorResponse {
  message: string;
}
