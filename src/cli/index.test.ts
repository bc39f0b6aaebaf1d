import { describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type DaemonOptions, main } from './index.ts';
import { allCommands, commandReference } from './reference.ts';
import { COMMANDS, findCommand, GROUPS } from './registry.ts';
import { memoryIo, type MemoryIo, type MemoryIoOptions } from './testing/memory-io.ts';

interface Outcome {
  readonly status: number;
  readonly io: MemoryIo;
  readonly daemons: readonly DaemonOptions[];
}

async function hull(words: readonly string[], options: MemoryIoOptions = {}): Promise<Outcome> {
  const io = memoryIo({ ...options, env: { HULL_HOST: 'unix:///nonexistent/hull.sock', ...options.env } });
  const daemons: DaemonOptions[] = [];
  const status = await main(words, io, {
    runDaemon: async (daemon) => {
      daemons.push(daemon);
      return 3;
    },
    rebuild: () => Promise.resolve({ done: [], left: [] }),
    selfCommand: () => ['/nonexistent/hull'],
    version: { version: '1.2.3', commit: 'abc' },
  });
  return { status, io, daemons };
}

const COMMAND_LIST = await allCommands();

describe('every command', () => {
  test.each(COMMAND_LIST)(
    '$name: help shows its usage, an example that parses, and each flag',
    async ({ name, command }) => {
      const { status, io } = await hull([...name.split(' '), '--help']);
      expect(status).toBe(0);
      expect(io.stdout).toStartWith(`Usage:  hull ${name}`);
      for (const flag of Object.keys(command.flags)) expect(io.stdout).toContain(`--${flag}`);
      const own = command.example.split('\n').filter((line) => line.includes(`hull ${name}`));
      expect(own.length).toBeGreaterThan(0);
    },
  );

  test.each(COMMAND_LIST)('$name: an unknown flag is named, with where to look', async ({ name }) => {
    const { status, io } = await hull([...name.split(' '), '--frob']);
    expect(status).toBe(125);
    expect(io.stderr).toBe(`hull: unknown flag: --frob\nSee 'hull ${name} --help'.\n`);
  });

  test.each(COMMAND_LIST)('$name: no two flags share a letter', ({ command }) => {
    const letters = Object.values(command.flags).flatMap((flag) => flag.short ?? []);
    expect(letters).toEqual([...new Set(letters)]);
  });

  test('the groups’ aliases exist', () => {
    for (const [group, { commands }] of Object.entries(GROUPS))
      for (const name of Object.keys(commands)) expect(findCommand([group, name])).not.toBeNull();
  });

  test('docs/cli.md says what the commands say (bun scripts/cli-doc.ts writes it)', async () => {
    expect(readFileSync(resolve(import.meta.dirname, '../../docs/cli.md'), 'utf8')).toBe(
      await commandReference(),
    );
  });
});

describe('the command line', () => {
  test.each([{ words: [] }, { words: ['--help'] }, { words: ['help'] }])(
    '$words prints what there is',
    async ({ words }) => {
      const { status, io } = await hull(words);
      expect(status).toBe(0);
      for (const name of Object.keys(COMMANDS)) expect(io.stdout).toContain(`\n  ${name} `);
    },
  );

  test.each([
    { words: ['help', 'run'] },
    { words: ['run', '--help'] },
    { words: ['run', '--rm', '--help'] },
    { words: ['run', '--name', 'some', '--help'] },
  ])('$words is the help of run', async ({ words }) => {
    expect((await hull(words)).io.stdout).toStartWith('Usage:  hull run');
  });

  test('--help after the image is the workload’s', async () => {
    const { io } = await hull(['run', 'busybox', 'ls', '--help']);
    expect(io.stdout).toBe('');
    expect(io.stderr).toContain('cannot connect');
  });

  test.each([
    [['frob'], 1, "hull: 'frob' is not a hull command."],
    [['rn'], 1, "hull: 'rn' is not a hull command. Did you mean 'hull run'?"],
    [['network', 'lst'], 125, "hull: 'network lst' is not a hull command. Did you mean 'hull network ls'?"],
    [['constructor'], 1, "hull: 'constructor' is not a hull command."],
    [['image', 'frob'], 125, "hull: 'image frob' is not a hull command."],
    [['--frob'], 125, 'hull: unknown flag: --frob'],
    [['stop'], 125, "hull: 'stop' requires at least 1 argument, and got 0"],
    [['ps', 'x'], 125, "hull: 'ps' takes no arguments"],
    [['attach', 'a', 'b'], 125, "hull: 'attach' requires exactly 1 argument, and got 2"],
    [['run', '-d', '-a', 'stdout', 'x'], 125, 'hull: conflicting options: -a and -d'],
    [['run', '--detach-keys', 'ctrl-', 'x'], 125, 'hull: invalid argument "ctrl-" for --detach-keys'],
    [['run', '-it', 'x'], 1, 'hull: the input device is not a TTY'],
    [['exec', '-it', 'x', 'sh'], 1, 'hull: the input device is not a TTY'],
    [['ps', '--format', '{{.'], 1, 'hull: cannot connect'],
    [['-H', 'http://x', 'ps'], 1, 'hull: the host "http://x" is not understood'],
    [['-H', 'tcp://x', 'ps'], 1, 'hull: an engine on TCP asks for a certificate, which cannot be read'],
    [['ps'], 1, 'hull: cannot connect to the engine at unix:///nonexistent/hull.sock'],
    [['run', 'x'], 125, 'hull: cannot connect to the engine'],
  ])('%j fails with %d', async (words, status, message) => {
    const outcome = await hull(words);
    expect(outcome.io.stderr).toStartWith(message);
    expect(outcome.status).toBe(status);
  });

  test('an engine that does not answer: what to do is said', async () => {
    expect((await hull(['ps'])).io.stderr).toBe(
      "hull: cannot connect to the engine at unix:///nonexistent/hull.sock: there is no such socket; is it running? Start it with 'hull daemon', or set HULL_HOST\n",
    );
  });

  test('--version', async () =>
    expect((await hull(['-v'])).io.stdout).toBe('Twinhull version 1.2.3, build abc\n'));

  test('daemon hands its flags to the program', async () => {
    const { status, daemons } = await hull([
      'daemon',
      '--data',
      '/d',
      '--run=/r',
      '--socket',
      '/s',
      '--debug',
    ]);
    expect(status).toBe(3);
    expect(daemons).toEqual([
      { data: '/d', run: '/r', socket: '/s', debug: true, tcp: [], allowedHosts: [] },
    ]);
  });

  test('a failed create leaves no file with an id', async () => {
    const { io, status } = await hull(['run', '--cidfile', '/id', 'x']);
    expect(status).toBe(125);
    expect([...io.files.keys()]).toEqual([]);
  });
});
