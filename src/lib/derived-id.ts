import { createHash } from 'node:crypto';
import type { EngineIdentity } from '../model/engine-identity.ts';

/** A stable id of 64 digits for things that Docker identifies and this engine names. */
export function derivedId(identity: EngineIdentity, ...parts: readonly string[]): string {
  return createHash('sha256')
    .update([identity.tag, ...parts].join('\0'))
    .digest('hex');
}

/** The id of a built-in network. */
export function networkId(identity: EngineIdentity, network: string): string {
  return derivedId(identity, 'network', network);
}
