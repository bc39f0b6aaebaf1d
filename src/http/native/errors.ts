import type { NativeError } from '../../../api/native.ts';
import type { HullError } from '../../model/errors.ts';

/** An error as native routes write it. */
export function toNativeError(error: HullError): NativeError {
  return { code: error.code, kind: error.kind, message: error.message, details: error.details };
}
