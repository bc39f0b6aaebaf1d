import type { Entry } from './registry.ts';

/** `hull volume …` */
export const VOLUME_COMMANDS: Readonly<Record<string, Entry>> = {
  clone: { summary: 'Copy a volume into a new one', load: () => import('./commands/volume-clone.ts') },
  create: { summary: 'Make a volume', load: () => import('./commands/volume-create.ts') },
  inspect: { summary: 'Show everything about volumes', load: () => import('./commands/volume-inspect.ts') },
  ls: { summary: 'List volumes', load: () => import('./commands/volume-ls.ts') },
  prune: {
    summary: 'Remove volumes that no instance mounts',
    load: () => import('./commands/volume-prune.ts'),
  },
  rename: { summary: 'Give a volume another name', load: () => import('./commands/volume-rename.ts') },
  rm: { summary: 'Remove volumes', load: () => import('./commands/volume-rm.ts') },
  snapshot: {
    summary: 'Keep aside what a volume holds now',
    load: () => import('./commands/volume-snapshot.ts'),
  },
  'snapshot-ls': {
    summary: 'List what is kept aside of volumes',
    load: () => import('./commands/volume-snapshot-ls.ts'),
  },
  'snapshot-restore': {
    summary: 'Let a volume hold again what it held then',
    load: () => import('./commands/volume-snapshot-restore.ts'),
  },
  'snapshot-rm': {
    summary: 'Delete what is kept aside of a volume',
    load: () => import('./commands/volume-snapshot-rm.ts'),
  },
};
