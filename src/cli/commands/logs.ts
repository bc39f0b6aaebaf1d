import { defineCommand } from '../command.ts';
import { bool, parsed } from '../flags/flag.ts';
import { demultiplex } from '../../client/demux.ts';
import { parseTimestamp } from '../values/time.ts';

export const command = defineCommand({
  usage: 'logs [OPTIONS] INSTANCE',
  summary: 'Print what an instance has written',
  example: 'hull logs -f --tail 20 web',
  flags: {
    follow: bool('Go on printing what comes', { short: 'f' }),
    since: parsed('Only from this time on (10m, 2026-01-02T15:04:05Z)', (value) => parseTimestamp(value), {
      placeholder: 'time',
    }),
    tail: parsed('Lines from the end, or all', parseTail, {
      short: 'n',
      placeholder: 'number',
      shownDefault: 'all',
    }),
    timestamps: bool('Print each line’s time', { short: 't' }),
    until: parsed('Only up to this time', (value) => parseTimestamp(value), { placeholder: 'time' }),
  },
  args: { min: 1, max: 1 },
  completeArgs: ['instances'],
  run: async ({ io, client }, values, [name = '']) => {
    // The stream's form depends on whether the workload has a terminal.
    const { Id, Config } = await client.containers.inspect(name);
    const { follow, timestamps, since, until } = values;
    const response = await client.containers.logs(Id, {
      follow,
      timestamps,
      since,
      until,
      tail: values.tail ?? 'all',
    });
    if (Config.Tty === true) {
      for await (const piece of response.body) io.out(piece);
      return 0;
    }
    const pieces = response.body[Symbol.asyncIterator]();
    const source = { read: async () => (await pieces.next()).value ?? null };
    for await (const { stream, data } of demultiplex(source)) {
      if (stream === 'stdout') io.out(data);
      else io.err(data);
    }
    return 0;
  },
});

function parseTail(value: string): string {
  if (value !== 'all' && !/^-?\d{1,9}$/.test(value)) throw new Error('it must be a number of lines or "all"');
  return value.startsWith('-') ? 'all' : value;
}
