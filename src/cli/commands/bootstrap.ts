import { defineCommand } from '../command.ts';
import { bool, list } from '../flags/flag.ts';
import { ProgressPrinter } from '../format/progress.ts';

export const command = defineCommand({
  usage: 'bootstrap [OPTIONS] IMAGE',
  summary: 'Make a Debian base image from this host’s package mirror, without a registry',
  example: 'hull bootstrap debian:bookworm-slim',
  flags: {
    package: list('Install a further package', { short: 'p', placeholder: 'NAME' }),
    quiet: bool('Print only the image’s id', { short: 'q' }),
  },
  args: { min: 1, max: 1 },
  run: async ({ io, client }, values, [reference = '']) => {
    const progress = new ProgressPrinter(io);
    const packages = values.package.flatMap((names) => names.split(',')).filter((name) => name !== '');
    const request = { reference, ...(packages.length === 0 ? {} : { packages }) };
    try {
      const { Id } = await client.native.bootstrap(request, values.quiet ? () => undefined : progress.print);
      progress.finish();
      io.out(`${Id}\n`);
    } finally {
      progress.finish();
    }
    return 0;
  },
});
