import { isRecord } from './qmp.ts';
import type { GuestFacts } from './vm.ts';
import { parseBoundedJson } from '../../lib/bounded-json.ts';

/** The agent's answer to STATS: JSON that a hostile guest may have written, so every number is checked. */
export function parseGuestFacts(data: readonly Uint8Array[]): GuestFacts {
  const value = parseJson(Buffer.concat(data).toString('utf8'));
  const number = (key: string): number => {
    const found = isRecord(value) ? value[key] : 0;
    return typeof found === 'number' && Number.isSafeInteger(found) && found >= 0 ? found : 0;
  };
  return {
    memoryUsage: number('memory'),
    memoryInactiveFile: number('inactiveFile'),
    memoryTotal: number('total'),
    pids: number('pids'),
  };
}

function parseJson(text: string): unknown {
  try {
    return parseBoundedJson(text);
  } catch {
    return null;
  }
}
