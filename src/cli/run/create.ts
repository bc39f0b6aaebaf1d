import type { ContainerCreateRequest } from '../../../api/docker.ts';
import type { CommandContext } from '../command.ts';
import { UsageError } from '../usage-error.ts';
import type { InstanceValues } from './instance-flags.ts';

/** Creates the instance, prints the engine's warnings, writes the id file. Resolves to the id. */
export async function createInstance(
  { io, client }: CommandContext,
  values: InstanceValues,
  request: ContainerCreateRequest,
): Promise<string> {
  if (values.pull === 'always')
    throw new UsageError(
      '--pull always needs a registry, which this version does not talk to; use `hull build` or `hull bootstrap`',
    );
  const { cidfile } = values;
  // Before the create, so that a wrong path leaves nothing behind.
  if (cidfile !== undefined) reserve(() => io.createFile(cidfile, ''), cidfile);
  const { Id, Warnings } = await client.containers.create(request, values.name).catch((error: unknown) => {
    if (cidfile !== undefined) io.removeFile(cidfile);
    throw error;
  });
  for (const warning of Warnings ?? []) io.err(`WARNING: ${warning}\n`);
  if (cidfile !== undefined) io.writeFile(cidfile, Id);
  return Id;
}

function reserve(create: () => void, path: string): void {
  try {
    create();
  } catch (error) {
    throw new UsageError(
      `cannot write the id to ${path}: ${error instanceof Error ? error.message : String(error)}; remove the file or choose another`,
    );
  }
}
