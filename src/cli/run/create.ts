import type { ContainerCreateRequest, ContainerCreateResponse } from '../../../api/docker.ts';
import { ApiError } from '../../client/api-error.ts';
import type { CommandContext } from '../command.ts';
import { UsageError } from '../usage-error.ts';
import type { InstanceValues } from './instance-flags.ts';

/** Creates the instance, prints the engine's warnings, writes the id file. Resolves to the id. */
export async function createInstance(
  context: CommandContext,
  values: InstanceValues,
  request: ContainerCreateRequest,
): Promise<string> {
  const { io } = context;
  if (values.pull === 'always' && request.Image !== undefined) await pull(context, request.Image);
  const { cidfile } = values;
  // Before the create, so that a wrong path leaves nothing behind.
  if (cidfile !== undefined) reserve(() => io.createFile(cidfile, ''), cidfile);
  const { Id, Warnings } = await createPulling(context, values, request).catch((error: unknown) => {
    if (cidfile !== undefined) io.removeFile(cidfile);
    throw error;
  });
  for (const warning of Warnings ?? []) io.err(`WARNING: ${warning}\n`);
  if (cidfile !== undefined) io.writeFile(cidfile, Id);
  return Id;
}

/** An image that is not here is pulled, unless that was forbidden. */
async function createPulling(
  context: CommandContext,
  { name, pull: policy }: InstanceValues,
  request: ContainerCreateRequest,
): Promise<ContainerCreateResponse> {
  const { client } = context;
  try {
    return await client.containers.create(request, name);
  } catch (error) {
    const missing = error instanceof ApiError && error.status === 404 && error.code === 'image-not-found';
    if (!missing || policy === 'never' || request.Image === undefined) throw error;
    await pull(context, request.Image, true);
    return await client.containers.create(request, name);
  }
}

/** Standard output belongs to the instance. What pulls is loaded only now: runs do without it as a rule. */
async function pull(context: CommandContext, image: string, missing = false): Promise<void> {
  const { hasTag, pullImage } = await import('../images/pull.ts');
  const name = hasTag(image) ? image : `${image}:latest`;
  if (missing) context.io.err(`Unable to find image '${name}' locally\n`);
  await pullImage(context, image, { stream: 'stderr' });
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
