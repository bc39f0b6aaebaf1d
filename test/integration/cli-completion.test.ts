import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CliFixture, collect, ended, HULL, startCli } from './support/cli-fixture.ts';

let cli: CliFixture;
let must: CliFixture['must'];

beforeAll(async () => {
  cli = await startCli();
  ({ must } = cli);
});

afterEach(() => cli.removeInstances());

afterAll(() => cli[Symbol.asyncDispose]());

/** Which shells are installed: each is asked what it would offer, by its own machinery. */
describe('completion', () => {
  const path = () => `${cli.folder}/bin:${process.env['PATH'] ?? ''}`;

  beforeAll(() => {
    mkdirSync(join(cli.folder, 'bin'));
    writeFileSync(join(cli.folder, 'bin/hull'), `#!/bin/sh\nexec '${HULL[0]}' '${HULL[1]}' "$@"\n`, {
      mode: 0o755,
    });
  });

  async function shell(command: readonly string[], script: string): Promise<string[]> {
    const [program = '', ...args] = command;
    const child = spawn(program, args, {
      env: { ...cli.environment, PATH: path(), TERM: 'dumb', HOME: cli.folder },
      cwd: cli.folder,
      timeout: 20_000,
    });
    const output = collect(child);
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(script);
    await ended(child);
    expect(output.stderr).toBe('');
    return output.stdout.split('\n').filter((line) => line !== '');
  }

  const bash = (line: string) =>
    shell(
      ['bash', '--noprofile', '--norc'],
      `source <(hull completion bash)\nCOMP_LINE='${line}'; COMP_POINT=\${#COMP_LINE}\ncompopt() { :; }\n_hull\nprintf '%s\\n' "\${COMPREPLY[@]}"\n`,
    );
  const fish = (line: string) =>
    shell(['fish', '--no-config', '-c', `hull completion fish | source\ncomplete -C '${line}'`], '');

  const CASES: readonly (readonly [line: string, offers: readonly string[]])[] = [
    ['hull rest', ['restart']],
    ['hull machine ', ['create', 'inspect', 'ls', 'rm']],
    ['hull run --isol', ['--isolation']],
    ['hull run --isolation ', ['container', 'sandbox', 'vm']],
    ['hull rm -f we', ['web']],
    ['hull exec -it we', ['web']],
    ['hull run --rm bus', ['busybox:latest']],
    ['hull run busybox:la', ['latest']],
    ['hull completion ', ['bash', 'zsh', 'fish']],
    ['hull ps nothing', []],
  ];

  test.each(CASES)('bash: %s', async (line, offers) => {
    await must(['run', '-d', '--name', 'web', 'busybox', 'sleep', '100']);
    expect(await bash(line)).toEqual([...offers]);
  });

  test.skipIf(!existsSync('/usr/bin/fish')).each(CASES)('fish: %s', async (line, offers) => {
    await must(['run', '-d', '--name', 'web', 'busybox', 'sleep', '100']);
    const whole = line.endsWith(':la') ? ['busybox:latest'] : offers;
    expect((await fish(line)).toSorted()).toEqual([...whole].toSorted());
  });

  test.skipIf(!existsSync('/usr/bin/zsh'))('zsh: its script loads, and its words are asked for', async () => {
    const script = `autoload -Uz compinit; compinit -u -D\nsource <(hull completion zsh)\ncompadd() { shift 2; print -l -- "$@" }\nwords=(hull rest); CURRENT=2\n_hull\n`;
    expect(await shell(['zsh', '-f'], script)).toEqual(['restart']);
  });

  test('completing starts no engine and waits for none', async () => {
    const child = spawn(HULL[0], [HULL[1], '__complete', 'rm', ''], {
      env: { ...process.env, HULL_HOST: 'unix:///nonexistent/s' },
    });
    const output = collect(child);
    expect(await ended(child)).toBe(0);
    expect(output).toEqual({ stdout: '', stderr: '' });
  });
});
