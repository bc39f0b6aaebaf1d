import { ERROR_CODES, type ErrorCode } from '../model/error-codes.ts';

/** A request that the engine refused: its HTTP status, its stable code where it gave one, and its message. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: ErrorCode | null;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    status: number,
    message: string,
    code: string | null,
    details: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code !== null && code in ERROR_CODES ? (code as ErrorCode) : null;
    this.details = details;
  }
}

/** From the body of a failed request: Docker's `{message}`, the native `{error: {…}}`, or plain text. */
export function apiErrorOf(status: number, body: string, code: string | null): ApiError {
  const parsed = parseObject(body);
  const native = parsed['error'];
  if (isObject(native)) {
    return new ApiError(
      status,
      text(native['message']) ?? body,
      text(native['code']) ?? code,
      isObject(native['details']) ? native['details'] : {},
    );
  }
  const message = text(parsed['message']) ?? body.trim();
  return new ApiError(status, message === '' ? `the engine answered with status ${status}` : message, code);
}

function parseObject(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
