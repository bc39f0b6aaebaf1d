import { printBuild } from '../build/output.ts';
import { contextOf } from '../build/source.ts';
import { defineCommand } from '../command.ts';
import { bool, list, parsed, text } from '../flags/flag.ts';
import type { CliIo } from '../io.ts';
import { environment, pairs } from '../values/environment.ts';
import { parseBytes } from '../values/size.ts';

export const command = defineCommand({
  usage: 'build [OPTIONS] PATH | -',
  summary: 'Build an image from a blueprint (a Dockerfile) and the folder around it',
  example: 'hull build -t freeradius examples/freeradius\nhull build -t tiny - < Dockerfile',
  flags: {
    'build-arg': list('Set a variable of the blueprint', { placeholder: 'NAME=VALUE' }),
    file: text('Blueprint, in the folder (default PATH/Dockerfile; - reads it from stdin)', {
      short: 'f',
      placeholder: 'FILE',
      complete: 'files',
    }),
    iidfile: text('Write the image’s id to this file', { placeholder: 'FILE', complete: 'files' }),
    label: list('Set metadata of the image', { placeholder: 'NAME=VALUE' }),
    memory: parsed('Memory limit of each step', parseBytes, { short: 'm', placeholder: 'bytes' }),
    'no-cache': bool('Run every step again'),
    quiet: bool('Print only the image’s id', { short: 'q' }),
    tag: list('Name the image', { short: 't', placeholder: 'NAME[:TAG]' }),
    target: text('Build up to this stage', { placeholder: 'STAGE' }),
  },
  args: { min: 1, max: 1 },
  completeArgs: ['files'],
  run: async ({ io, client }, values, [path = '']) => {
    const { blueprint, context } = await contextOf(io, path, values.file);
    const options = {
      tags: values.tag,
      dockerfile: blueprint,
      target: values.target,
      buildArgs: buildArguments(io, values['build-arg']),
      labels: pairs(values.label),
      noCache: values['no-cache'],
      quiet: values.quiet,
      memory: values.memory,
    };
    const id = await printBuild(io, client.images.build(context, options), values.quiet);
    if (values.quiet) io.out(`${id}\n`);
    if (values.iidfile !== undefined) io.writeFile(values.iidfile, id);
    return 0;
  },
});

/** `NAME=value`, or `NAME` for this process's own value; unset ones are left out. */
function buildArguments(io: CliIo, given: readonly string[]): Record<string, string> {
  return pairs(environment(io, [], given));
}
