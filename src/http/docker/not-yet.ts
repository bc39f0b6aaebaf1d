import { HullError } from '../../model/errors.ts';
import type { Handler, Method, Route } from '../router.ts';

/** Docker's remaining requests: known, answered 501 in words that its clients can tell from a wrong path (404). */
const REQUESTS: readonly (readonly [method: Method, path: string, advice?: string])[] = [
  ['GET', '/containers/:id/checkpoints'],
  ['POST', '/containers/:id/checkpoints'],
  ['DELETE', '/containers/:id/checkpoints/:checkpoint'],
  ['POST', '/session'],
  ['POST', '/grpc'],
];

export const notYetRoutes: readonly Route[] = REQUESTS.map(([method, path, advice]): Route => ({
  method,
  path,
  handler: refuse(`${method} ${path}`, advice),
}));

function refuse(request: string, advice?: string): Handler {
  const rest = advice === undefined ? '' : `: ${advice}`;
  return () => {
    throw new HullError('not-supported', `${request} is not supported by this engine${rest}`);
  };
}
