import type { NetworkDefinition } from '../../model/network.ts';

/** What an event says of a network: Docker's attributes. */
export function networkAttributes({ name, driver }: NetworkDefinition): Record<string, string> {
  return { name, type: driver };
}
