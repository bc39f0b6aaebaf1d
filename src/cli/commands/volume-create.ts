import { defineCommand } from '../command.ts';
import { list, text } from '../flags/flag.ts';
import { pairs } from '../values/environment.ts';

export const command = defineCommand({
  usage: 'create [OPTIONS] [VOLUME]',
  summary: 'Make a volume',
  example:
    'hull volume create --label tier=db data\nhull volume create -o type=tmpfs -o device=tmpfs -o o=size=64m scratch',
  flags: {
    driver: text('Volume driver', { short: 'd', shownDefault: 'local' }),
    label: list('A label', { placeholder: 'NAME=VALUE' }),
    opt: list("What is mounted there: type, device and o, as for mount(8)'s -t, source and -o", {
      short: 'o',
      placeholder: 'NAME=VALUE',
    }),
  },
  args: { max: 1 },
  run: async ({ io, client }, values, [name]) => {
    const volume = await client.volumes.create({
      ...(name === undefined ? {} : { Name: name }),
      ...(values.driver === undefined ? {} : { Driver: values.driver }),
      DriverOpts: pairs(values.opt),
      Labels: pairs(values.label),
    });
    io.out(`${volume.Name}\n`);
    return 0;
  },
});
