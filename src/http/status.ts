import type { ErrorCode, ErrorKind, HullError } from '../model/errors.ts';

const STATUS_OF_KIND: Readonly<Record<ErrorKind, number>> = {
  NotFound: 404,
  Conflict: 409,
  InvalidArgument: 400,
  Unsupported: 501,
  Unavailable: 503,
  Denied: 403,
  Corrupt: 500,
  Internal: 500,
};

/** Where Docker's clients expect something else than the kind says. */
const STATUS_OF_CODE: Partial<Record<ErrorCode, number>> = {
  'ambiguous-id': 400,
  'archive-invalid': 400,
  'command-failed': 500,
  'data-read-only': 500,
  'manifest-invalid': 400,
  'no-space': 500,
  'registry-failed': 500,
  'registry-unauthorized': 401,
  'registry-unreachable': 500,
  // Docker's: the request was fine for the engine, the workload was not.
  'start-failed': 400,
  'volume-mount-failed': 500,
};

/** The HTTP status of an error: the one place where kinds meet HTTP. */
export function httpStatus(error: HullError): number {
  return STATUS_OF_CODE[error.code] ?? STATUS_OF_KIND[error.kind];
}
