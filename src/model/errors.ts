import { ERROR_CODES, type ErrorCode, type ErrorKind } from './error-codes.ts';

export type { ErrorCode, ErrorKind } from './error-codes.ts';

/** Extra facts that a client may show: a blueprint's line, a step's last output. All values are JSON. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/**
 * The one error type that crosses a layer. `code` is stable and catalogued in `error-codes.ts` (and `docs/errors.md`);
 * `kind` follows from it and decides HTTP status and exit status. The message says what happened, to what, why, and
 * what to do next.
 */
export class HullError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; details?: ErrorDetails } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'HullError';
    this.code = code;
    this.details = options.details ?? {};
  }

  get kind(): ErrorKind {
    return ERROR_CODES[this.code].kind;
  }
}

/** True for a `HullError`, of one code where given. */
export function isHullError(error: unknown, code?: ErrorCode): error is HullError {
  return error instanceof HullError && (code === undefined || error.code === code);
}

/** Anything thrown, as a `HullError`: unknown errors become `internal`. */
export function toHullError(error: unknown): HullError {
  if (error instanceof HullError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new HullError('internal', message, { cause: error });
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
