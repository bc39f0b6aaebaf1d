import { ApiError } from '../../client/api-error.ts';
import type { Client } from '../../client/client.ts';
import type { CommandContext } from '../command.ts';
import { defineCommand } from '../command.ts';
import { bool, choice, text } from '../flags/flag.ts';
import { compileTemplate, type Template } from '../template/evaluate.ts';
import { unescape } from '../format/listing.ts';

const INSPECT_FLAGS = {
  format: text("'json' or a Go template", { short: 'f' }),
  size: bool('Show sizes of instances too', { short: 's' }),
} as const;

const TYPES = ['container', 'instance', 'image', 'volume', 'machine', 'network'] as const;
export type InspectType = (typeof TYPES)[number];

export const command = defineCommand({
  usage: 'inspect [OPTIONS] NAME|ID [NAME|ID...]',
  summary: 'Show everything about instances, images, volumes, machines or networks',
  example: "hull inspect -f '{{.State.Status}} {{.NetworkSettings.IPAddress}}' web",
  flags: { ...INSPECT_FLAGS, type: choice('What kind of object is meant', TYPES) },
  args: { min: 1 },
  completeArgs: ['instances'],
  run: (context, values, args) =>
    inspectAll(context, values.type === undefined ? TYPES : [values.type], args, values),
});

/** Looks each name up as the first of the types that knows it, and prints what was found; 1 when one was not. */
async function inspectAll(
  context: CommandContext,
  types: readonly InspectType[],
  names: readonly string[],
  options: { format: string | undefined; size: boolean },
): Promise<number> {
  const { io, client } = context;
  const template =
    options.format === undefined
      ? null
      : options.format === 'json'
        ? jsonLine
        : compileTemplate(unescape(options.format));
  const found: unknown[] = [];
  const failures: string[] = [];
  for (const name of names) {
    try {
      found.push(await lookUp(client, types, name, options.size));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      failures.push(error.message);
    }
  }
  io.out(template === null ? `${JSON.stringify(found, null, 4)}\n` : rendered(template, found));
  for (const failure of failures) io.err(`hull: ${failure}\n`);
  return failures.length === 0 ? 0 : 1;
}

const jsonLine: Template = (value) => JSON.stringify(value);

function rendered(template: Template, found: readonly unknown[]): string {
  return found.map((value) => `${template(value)}\n`).join('');
}

async function lookUp(
  client: Client,
  types: readonly InspectType[],
  name: string,
  size: boolean,
): Promise<unknown> {
  let failure: ApiError | null = null;
  for (const type of types) {
    try {
      return await inspectOne(client, type, name, size);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
      failure = error;
    }
  }
  if (types.length === 1 && failure !== null) throw failure;
  throw new ApiError(
    404,
    `there is no instance, image, machine or network named ${name}; see \`hull ps -a\`, \`hull images\`, \`hull machine ls\`, \`hull network ls\``,
    null,
  );
}

function inspectOne(client: Client, type: InspectType, name: string, size: boolean): Promise<unknown> {
  switch (type) {
    case 'container':
    case 'instance':
      return client.containers.inspect(name, size);
    case 'image':
      return client.images.inspect(name);
    case 'volume':
      return client.volumes.inspect(name);
    case 'machine':
      return client.native.machine(name);
    case 'network':
      return client.networks.inspect(name);
  }
}

/** A command that inspects one type only, such as `hull image inspect`. */
export function inspectCommandOf(type: InspectType, example: string): typeof command {
  return defineCommand({
    usage: 'inspect [OPTIONS] NAME [NAME...]',
    summary: `Show everything about ${type === 'container' ? 'instance' : type}s`,
    example,
    flags: INSPECT_FLAGS,
    args: { min: 1 },
    completeArgs: [type === 'container' ? 'instances' : type === 'instance' ? 'instances' : `${type}s`],
    run: (context, values, args) => inspectAll(context, [type], args, values),
  });
}
