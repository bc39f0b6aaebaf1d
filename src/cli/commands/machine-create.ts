import { defineCommand } from '../command.ts';
import type { CliIo } from '../io.ts';
import { bool, list, parsed, text } from '../flags/flag.ts';
import { ProgressPrinter } from '../format/progress.ts';
import { UsageError } from '../usage-error.ts';
import { parseBytes } from '../values/size.ts';

export const command = defineCommand({
  usage: 'create [OPTIONS] NAME',
  summary: 'Make a machine disk: a whole Debian system with kernel and systemd',
  example: 'hull machine create debian-radius --package freeradius --file /etc/motd=./motd',
  flags: {
    file: list('Put a file of this host into it', { placeholder: 'PATH=SOURCE', complete: 'files' }),
    package: list('Install a further package', { short: 'p', placeholder: 'NAME' }),
    quiet: bool('Print only the name', { short: 'q' }),
    size: parsed('Size of the disk', parseBytes, { placeholder: 'bytes' }),
    suite: text('Debian release', { shownDefault: 'bookworm' }),
  },
  args: { min: 1, max: 1 },
  run: async ({ io, client }, values, [name = '']) => {
    const progress = new ProgressPrinter(io);
    const request = {
      name,
      packages: values.package.flatMap((names) => names.split(',')).filter((one) => one !== ''),
      files: Object.fromEntries(values.file.map((pair) => fileOf(io, pair))),
      ...(values.suite === undefined ? {} : { suite: values.suite }),
      ...(values.size === undefined ? {} : { size: values.size }),
    };
    try {
      const machine = await client.native.createMachine(
        request,
        values.quiet ? () => undefined : progress.print,
      );
      progress.finish();
      io.out(`${machine.name}\n`);
    } finally {
      progress.finish();
    }
    return 0;
  },
});

function fileOf(io: CliIo, pair: string): readonly [string, string] {
  const at = pair.indexOf('=');
  const path = pair.slice(0, at);
  if (at < 0 || !path.startsWith('/'))
    throw new UsageError(
      `invalid argument ${JSON.stringify(pair)} for --file: it must look like '/PATH=SOURCE'`,
    );
  try {
    return [path, io.readFile(pair.slice(at + 1))];
  } catch (error) {
    throw new UsageError(
      `cannot read the source of --file ${pair}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
