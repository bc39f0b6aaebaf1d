import { HullError } from '../model/errors.ts';
import { parseBoundedJson } from '../lib/bounded-json.ts';

/** What `SecurityOpt` asks for. */
export interface SecurityOptions {
  /** The text of a profile; null: unconfined; absent: the default. */
  readonly seccomp?: string | null;
  readonly noNewPrivileges: boolean;
  /** A profile's name, or `unconfined`. */
  readonly appArmor?: string;
  /** SELinux's, as they were given: `disable`, `type:…`. */
  readonly labels: readonly string[];
}

/** Reads `HostConfig.SecurityOpt`. Throws `invalid-argument` in Docker's words (moby, daemon/daemon_unix.go). */
export function readSecurity(options: readonly string[] = []): SecurityOptions {
  let seccomp: string | null | undefined;
  let noNewPrivileges = false;
  let appArmor: string | undefined;
  const labels: string[] = [];
  for (const option of options) {
    if (option === 'disable') continue;
    if (option === 'no-new-privileges') {
      noNewPrivileges = true;
      continue;
    }
    // A colon is the form of old clients.
    const at = option.includes('=') ? option.indexOf('=') : option.indexOf(':');
    if (at < 0) throw invalid(`invalid --security-opt 1: ${JSON.stringify(option)}`);
    const value = option.slice(at + 1);
    switch (option.slice(0, at)) {
      case 'label':
        labels.push(value);
        break;
      case 'apparmor':
        appArmor = value;
        break;
      case 'seccomp':
        seccomp = value === 'unconfined' ? null : value === 'builtin' || value === '' ? undefined : value;
        if (typeof seccomp === 'string') checkProfile(seccomp);
        break;
      case 'no-new-privileges':
        noNewPrivileges = readBoolean(option, value);
        break;
      default:
        throw invalid(`invalid --security-opt 2: ${JSON.stringify(option)}`);
    }
  }
  return {
    ...(seccomp === undefined ? {} : { seccomp }),
    noNewPrivileges,
    ...(appArmor === undefined || appArmor === '' ? {} : { appArmor }),
    labels,
  };
}

/** As Go's strconv.ParseBool. */
function readBoolean(option: string, value: string): boolean {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(value)) return true;
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(value)) return false;
  throw invalid(`invalid --security-opt 2: ${JSON.stringify(option)}`);
}

function checkProfile(text: string): void {
  let value: unknown;
  try {
    value = parseBoundedJson(text);
  } catch (error) {
    throw invalid(
      `Decoding seccomp profile failed: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  if (typeof value !== 'object' || value === null || !('defaultAction' in value))
    throw invalid('Decoding seccomp profile failed: it is no object with a defaultAction');
}

function invalid(message: string): HullError {
  return new HullError('invalid-argument', message);
}
