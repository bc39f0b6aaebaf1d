import type { ContainerStats } from '../../../api/docker.ts';
import { type CommandContext, defineCommand } from '../command.ts';
import { bool, text } from '../flags/flag.ts';
import { listingText, type Row } from '../format/listing.ts';
import { emptyStatsRow, STATS_TITLES, statsRow } from '../format/stats.ts';
import { CommandFailure } from '../usage-error.ts';

const COLUMNS = ['ID', 'Name', 'CPUPerc', 'MemUsage', 'MemPerc', 'NetIO', 'BlockIO', 'PIDs'];
const REFRESH = 500;

export const command = defineCommand({
  usage: 'stats [OPTIONS] [INSTANCE...]',
  summary: 'Show what instances use, refreshed until interrupted',
  example: 'hull stats --no-stream --format json',
  flags: {
    all: bool('Show all instances, not only running ones', { short: 'a' }),
    format: text("'table', 'json', 'table TEMPLATE' or a Go template"),
    'no-stream': bool('Print one sample and end'),
    'no-trunc': bool('Do not shorten anything'),
  },
  args: {},
  completeArgs: ['running'],
  run: async (context, values, args) => {
    const view = { format: values.format, truncate: !values['no-trunc'] };
    return values['no-stream']
      ? once(context, values.all, args, view)
      : live(context, values.all, args, view);
  },
});

interface View {
  readonly format: string | undefined;
  readonly truncate: boolean;
}

interface Target {
  readonly id: string;
  readonly name: string;
  readonly running: boolean;
}

async function targets(
  { client }: CommandContext,
  all: boolean,
  names: readonly string[],
): Promise<Target[]> {
  if (names.length > 0) {
    const found = await Promise.all(names.map((name) => client.containers.inspect(name)));
    return found.map(({ Id, Name, State }) => ({
      id: Id,
      name: Name.replace(/^\//, ''),
      running: State.Running,
    }));
  }
  const list = await client.containers.list({ all });
  return list.map(({ Id, Names, State }) => ({
    id: Id,
    name: (Names[0] ?? '').replace(/^\//, ''),
    running: State === 'running',
  }));
}

async function once(
  context: CommandContext,
  all: boolean,
  names: readonly string[],
  view: View,
): Promise<number> {
  const found = await targets(context, all, names);
  const rows = await Promise.all(
    found.map(async (target) => {
      if (!target.running) return emptyStatsRow(target.id, target.name, view.truncate);
      return statsRow(await context.client.containers.stats(target.id), view.truncate);
    }),
  );
  context.io.out(textOf(rows, view));
  return 0;
}

/** Follows every target's samples and prints the newest of each twice a second, the screen cleared before. */
async function live(
  context: CommandContext,
  all: boolean,
  names: readonly string[],
  view: View,
): Promise<number> {
  const { io, client } = context;
  const newest = new Map<string, ContainerStats>();
  const followed = new Map<string, AbortController>();
  const follow = async (id: string, controller: AbortController) => {
    try {
      for await (const sample of client.containers.statsStream(id, controller.signal)) newest.set(id, sample);
    } catch {
      // It stopped or was removed: the next look at the list shows that.
    } finally {
      followed.delete(id);
      newest.delete(id);
    }
  };
  for (let first = true; ; first = false) {
    const found = await targets(context, all, names).catch((error: unknown) => {
      if (first) throw error;
      throw new CommandFailure(1, error instanceof Error ? error.message : String(error));
    });
    for (const { id, running } of found) {
      if (!running || followed.has(id)) continue;
      const controller = new AbortController();
      followed.set(id, controller);
      void follow(id, controller);
    }
    const rows = found.map(({ id, name }) => {
      const sample = newest.get(id);
      return sample === undefined ? emptyStatsRow(id, name, view.truncate) : statsRow(sample, view.truncate);
    });
    io.out(screen(io.isTty('stdout'), textOf(rows, view)));
    if (names.length > 0 && found.every((target) => !target.running)) return 0;
    await new Promise((resolve) => setTimeout(resolve, REFRESH));
  }
}

function screen(terminal: boolean, text: string): string {
  return terminal ? `\u001b[H${text.replaceAll('\n', '\u001b[K\n')}\u001b[J` : text;
}

function textOf(rows: readonly Row[], view: View): string {
  return listingText({ columns: COLUMNS, titles: STATS_TITLES, rows, format: view.format });
}
