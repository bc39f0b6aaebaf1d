import { collect } from '../../lib/streams.ts';
import { HullError, type ErrorCode } from '../../model/errors.ts';
import { parseChallenges } from './challenge.ts';
import type { HttpResponse } from './transport.ts';
import { parseBoundedJson } from '../../lib/bounded-json.ts';

const LARGEST_ERROR = 64 * 1024;

/** What a registry says is wrong (distribution-spec, "Error Codes"). */
export interface RegistryComplaint {
  /** Such as `MANIFEST_UNKNOWN`; '' where the body is something else. */
  readonly code: string;
  /** As Docker's daemon repeats it: `manifest unknown: manifest unknown`. */
  readonly text: string;
}

/** Reads an error's body to its end. Never rejects: a body that cannot be read says nothing. */
async function readComplaint(response: HttpResponse): Promise<RegistryComplaint> {
  let text = '';
  try {
    text = new TextDecoder().decode(await collect(response.body, LARGEST_ERROR));
  } catch {
    response.discard();
  }
  return complaintOf(response.status, text);
}

/** Pure; for anything. */
export function complaintOf(status: number, body: string): RegistryComplaint {
  for (const { code, message } of errorsOf(body)) {
    const name = code.toLowerCase().replaceAll('_', ' ');
    return { code, text: message === '' ? name : `${name}: ${message}` };
  }
  const said = printable(body).trim().slice(0, 200);
  return { code: '', text: `received unexpected HTTP status: ${status}${said === '' ? '' : ` (${said})`}` };
}

function errorsOf(body: string): { code: string; message: string }[] {
  try {
    const value = parseBoundedJson(body) as { errors?: unknown };
    if (typeof value !== 'object' || value === null || !Array.isArray(value.errors)) return [];
    return value.errors.flatMap((entry: unknown) => {
      if (typeof entry !== 'object' || entry === null) return [];
      const { code, message } = entry as { code?: unknown; message?: unknown };
      if (typeof code !== 'string') return [];
      return [
        {
          code: printable(code).slice(0, 100),
          message: typeof message === 'string' ? printable(message).slice(0, 1000) : '',
        },
      ];
    });
  } catch {
    return [];
  }
}

/** A registry's words end up on terminals. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, ' ');
}

/** The error that an unwanted answer stands for. Statuses that may pass (429, 5xx) are `registry-unreachable`, so that transfers try again. */
export async function refusal(response: HttpResponse, what: string): Promise<HullError> {
  const said = await readComplaint(response);
  const complaint = lacksScope(response) ? DENIED : said;
  const code = errorCode(response.status);
  const message =
    code === 'registry-unauthorized' && complaint.code === ''
      ? 'unauthorized: authentication required'
      : complaint.text;
  return new HullError(code, what === '' ? message : `${what}: ${message}`, {
    details: { status: response.status, registryCode: complaint.code },
  });
}

const DENIED: RegistryComplaint = {
  code: 'DENIED',
  text: 'denied: requested access to the resource is denied',
};

/** A token was given, but not for this (RFC 6750, 3.1). */
function lacksScope({ headers }: HttpResponse): boolean {
  return parseChallenges(headers['www-authenticate'] ?? '').some(
    ({ scheme, parameters }) => scheme === 'bearer' && parameters['error'] === 'insufficient_scope',
  );
}

function errorCode(status: number): ErrorCode {
  if (status === 401 || status === 403) return 'registry-unauthorized';
  if (status === 404) return 'image-not-found';
  return status === 429 || status >= 500 ? 'registry-unreachable' : 'registry-failed';
}
