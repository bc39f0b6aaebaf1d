import type { CommandContext } from '../command.ts';
import { CredentialsFile, registryOfName } from './credentials-file.ts';
import { printTransfer } from './transfer-printer.ts';

export interface PullOptions {
  readonly platform?: string | undefined;
  readonly quiet?: boolean;
  readonly allTags?: boolean;
  readonly stream?: 'stdout' | 'stderr';
}

/** Pulls an image with the credentials that are kept for its registry, and prints how it goes. */
export async function pullImage(
  { io, client }: CommandContext,
  name: string,
  { platform, quiet = false, allTags = false, stream = 'stdout' }: PullOptions = {},
): Promise<void> {
  const auth = new CredentialsFile(io).header(registryOfName(name));
  const tag = allTags || hasTag(name) ? undefined : 'latest';
  const messages = client.images.pull({ fromImage: name, tag, platform }, auth);
  await printTransfer(io, messages, { quiet, stream });
}

/** With a tag or a digest. */
export function hasTag(name: string): boolean {
  return name.includes('@') || name.lastIndexOf(':') > name.lastIndexOf('/');
}

/** As docker prints what it has pulled: registry and tag written out. */
export function fullName(name: string): string {
  const tagged = hasTag(name) ? name : `${name}:latest`;
  if (registryOfName(name) !== 'docker.io' || name.startsWith('docker.io/')) return tagged;
  return name.includes('/') ? `docker.io/${tagged}` : `docker.io/library/${tagged}`;
}
