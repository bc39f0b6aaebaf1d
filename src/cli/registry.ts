import type { Command } from './command.ts';
import { VOLUME_COMMANDS } from './volume-commands.ts';

/** A command's place in the tree: its file is loaded only when it is asked for. */
export interface Entry {
  readonly summary: string;
  readonly load: () => Promise<{ command: Command }>;
}

/** The commands at the top, in the order that `hull --help` shows. */
export const COMMANDS: Readonly<Record<string, Entry>> = {
  run: { summary: 'Create and run a new instance of an image', load: () => import('./commands/run.ts') },
  exec: { summary: 'Run a command in a running instance', load: () => import('./commands/exec.ts') },
  ps: { summary: 'List instances', load: () => import('./commands/ps.ts') },
  build: { summary: 'Build an image from a blueprint', load: () => import('./commands/build.ts') },
  images: { summary: 'List images', load: () => import('./commands/images.ts') },
  bootstrap: {
    summary: 'Make a Debian base image without a registry',
    load: () => import('./commands/bootstrap.ts'),
  },
  compare: { summary: 'Measure what each isolation costs', load: () => import('./commands/compare.ts') },
  attach: {
    summary: 'Join the standard streams of a running instance',
    load: () => import('./commands/attach.ts'),
  },
  commit: {
    summary: 'Create an image from an instance’s changes',
    load: () => import('./commands/commit.ts'),
  },
  cp: {
    summary: 'Copy files between an instance and this machine',
    load: () => import('./commands/cp.ts'),
  },
  create: { summary: 'Create an instance without starting it', load: () => import('./commands/create.ts') },
  diff: {
    summary: 'Show which files an instance has changed',
    load: () => import('./commands/diff.ts'),
  },
  events: { summary: 'Print the events of the engine', load: () => import('./commands/events.ts') },
  export: {
    summary: 'Write an instance’s files as a tar archive',
    load: () => import('./commands/export.ts'),
  },
  history: {
    summary: 'Show the build steps of an image',
    load: () => import('./commands/history.ts'),
  },
  import: {
    summary: 'Make an image of a root filesystem’s tar archive',
    load: () => import('./commands/import.ts'),
  },
  inspect: {
    summary: 'Show everything about instances, images or machines',
    load: () => import('./commands/inspect.ts'),
  },
  kill: { summary: 'Send a signal to running instances', load: () => import('./commands/kill.ts') },
  load: { summary: 'Take images from a tar archive', load: () => import('./commands/load.ts') },
  login: { summary: 'Log in to a registry', load: () => import('./commands/login.ts') },
  logout: {
    summary: 'Log out from a registry',
    load: () => import('./commands/logout.ts'),
  },
  logs: { summary: 'Print what an instance has written', load: () => import('./commands/logs.ts') },
  pull: { summary: 'Download an image from a registry', load: () => import('./commands/pull.ts') },
  push: { summary: 'Upload an image to a registry', load: () => import('./commands/push.ts') },
  pause: {
    summary: 'Suspend all processes of instances',
    load: () => import('./commands/pause.ts'),
  },
  port: {
    summary: 'Show where the ports of an instance are published',
    load: () => import('./commands/port.ts'),
  },
  rename: { summary: 'Rename an instance', load: () => import('./commands/rename.ts') },
  restart: { summary: 'Stop instances and start them again', load: () => import('./commands/restart.ts') },
  rm: { summary: 'Remove instances', load: () => import('./commands/rm.ts') },
  rmi: { summary: 'Remove images', load: () => import('./commands/rmi.ts') },
  save: { summary: 'Write images as a tar archive', load: () => import('./commands/save.ts') },
  search: { summary: 'Search a registry for images', load: () => import('./commands/search.ts') },
  start: { summary: 'Start stopped instances', load: () => import('./commands/start.ts') },
  stats: { summary: 'Show what instances use', load: () => import('./commands/stats.ts') },
  stop: { summary: 'Stop running instances', load: () => import('./commands/stop.ts') },
  tag: { summary: 'Give an image another name', load: () => import('./commands/tag.ts') },
  top: { summary: 'List the processes of a running instance', load: () => import('./commands/top.ts') },
  unpause: { summary: 'Resume paused instances', load: () => import('./commands/unpause.ts') },
  update: {
    summary: 'Change limits, ports, mounts and variables of existing instances',
    load: () => import('./commands/update.ts'),
  },
  wait: { summary: 'Wait until instances stop', load: () => import('./commands/wait.ts') },
  gc: {
    summary: 'Remove unused objects, by age, number and size',
    load: () => import('./commands/gc.ts'),
  },
  check: { summary: 'Compare the engine’s records with the host', load: () => import('./commands/check.ts') },
  info: {
    summary: 'Show what the engine is and what the host can do',
    load: () => import('./commands/info.ts'),
  },
  version: { summary: 'Show versions', load: () => import('./commands/version.ts') },
  daemon: { summary: 'Run the engine in the foreground', load: () => import('./commands/daemon.ts') },
  shutdown: { summary: 'Stop the engine', load: () => import('./commands/shutdown.ts') },
  completion: {
    summary: 'Print a shell’s completion script',
    load: () => import('./commands/completion.ts'),
  },
};

/** A command that has commands of its own; `of` names the top command that one is the same as. */
export interface Group {
  readonly summary: string;
  readonly commands: Readonly<Record<string, Entry | { readonly of: string }>>;
}

export const GROUPS: Readonly<Record<string, Group>> = {
  builder: {
    summary: 'Manage the build cache',
    commands: {
      ...sameAs('build'),
      prune: {
        summary: 'Delete layers that only the build cache keeps',
        load: () => import('./commands/builder-prune.ts'),
      },
    },
  },
  container: {
    summary: 'Manage instances',
    commands: {
      ...sameAs(
        'attach',
        'commit',
        'cp',
        'create',
        'diff',
        'exec',
        'export',
        'kill',
        'logs',
        'pause',
        'port',
        'rename',
        'restart',
        'rm',
        'run',
        'start',
        'stats',
        'stop',
        'top',
        'unpause',
        'update',
        'wait',
      ),
      ls: { of: 'ps' },
      list: { of: 'ps' },
      ps: { of: 'ps' },
      prune: {
        summary: 'Remove all stopped instances',
        load: () => import('./commands/container-prune.ts'),
      },
      inspect: {
        summary: 'Show everything about instances',
        load: () => import('./commands/container-inspect.ts'),
      },
    },
  },
  image: {
    summary: 'Manage images',
    commands: {
      ...sameAs('build', 'bootstrap', 'history', 'import', 'load', 'pull', 'push', 'save', 'tag'),
      prune: { summary: 'Remove unused images', load: () => import('./commands/image-prune.ts') },
      ls: { of: 'images' },
      list: { of: 'images' },
      rm: { of: 'rmi' },
      remove: { of: 'rmi' },
      inspect: { summary: 'Show everything about images', load: () => import('./commands/image-inspect.ts') },
    },
  },
  machine: {
    summary: 'Manage machine disks: whole operating systems',
    commands: {
      create: { summary: 'Make a machine disk', load: () => import('./commands/machine-create.ts') },
      inspect: {
        summary: 'Show everything about machine disks',
        load: () => import('./commands/machine-inspect.ts'),
      },
      ls: { summary: 'List machine disks', load: () => import('./commands/machine-ls.ts') },
      rm: { summary: 'Remove machine disks', load: () => import('./commands/machine-rm.ts') },
    },
  },
  network: {
    summary: 'Manage networks',
    commands: {
      connect: {
        summary: 'Connect an instance to a network',
        load: () => import('./commands/network-connect.ts'),
      },
      create: { summary: 'Make a network', load: () => import('./commands/network-create.ts') },
      disconnect: {
        summary: 'Take an instance off a network',
        load: () => import('./commands/network-disconnect.ts'),
      },
      inspect: {
        summary: 'Show everything about networks',
        load: () => import('./commands/network-inspect.ts'),
      },
      ls: { summary: 'List networks', load: () => import('./commands/network-ls.ts') },
      prune: {
        summary: 'Remove networks that no running instance is on',
        load: () => import('./commands/network-prune.ts'),
      },
      rm: { summary: 'Remove networks', load: () => import('./commands/network-rm.ts') },
    },
  },
  system: {
    summary: 'Manage the engine',
    commands: {
      ...sameAs('check', 'events', 'info', 'shutdown'),
      df: { summary: 'Show what takes the disk', load: () => import('./commands/system-df.ts') },
      prune: { summary: 'Remove unused objects', load: () => import('./commands/system-prune.ts') },
    },
  },
  volume: { summary: 'Manage volumes', commands: VOLUME_COMMANDS },
};

function sameAs(...names: readonly string[]): Record<string, { of: string }> {
  return Object.fromEntries(names.map((of) => [of, { of }]));
}

/** A command found by its words, the words themselves, and what follows them. */
export interface Found {
  readonly name: string;
  readonly entry: Entry;
  readonly rest: readonly string[];
}

/** The command that the words begin with; null when there is none. */
export function findCommand(words: readonly string[]): Found | null {
  const [first = '', second = '', ...others] = words;
  const entry = own(COMMANDS, first);
  if (entry !== undefined) return { name: first, entry, rest: words.slice(1) };
  const group = own(GROUPS, first);
  const inGroup = group === undefined ? undefined : own(group.commands, second);
  if (inGroup === undefined) return null;
  const resolved = 'of' in inGroup ? own(COMMANDS, inGroup.of) : inGroup;
  return resolved === undefined ? null : { name: `${first} ${second}`, entry: resolved, rest: others };
}

/** The commands of a group with their summaries. */
export function groupSummaries(group: Group): (readonly [string, string])[] {
  return Object.entries(group.commands).map(([name, entry]) => [
    name,
    'of' in entry ? (own(COMMANDS, entry.of)?.summary ?? '') : entry.summary,
  ]);
}

/** An own property: names such as `constructor` are no commands. */
export function own<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
