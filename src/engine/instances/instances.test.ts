import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { isHullError } from '../../model/errors.ts';
import type { Image } from '../../model/image.ts';
import type { ExitStatus } from '../../model/instance.ts';
import { pidOf, type InstanceState } from '../../model/instance-status.ts';
import { STATUSES } from '../../model/testing/statuses.ts';
import { openDatabase } from '../../state/database.ts';
import type { CreateInstance } from '../api.ts';
import { planRecovery } from '../recovery/plan.ts';
import { isLeak } from '../check/leaks.ts';
import { admit, admitOrThrow } from './admission.ts';
import { traitsOf } from '../isolations.ts';
import { checkIsolationMemory, checkName } from './checks.ts';
import { configure, type Facts } from './configure.ts';
import { DeferredStdio, PendingAttachments } from './deferred-stdio.ts';
import { interruptionOf } from './endings.ts';
import { inventName } from './names.ts';
import type { InstanceRecord } from './record.ts';
import { Registry } from './registry.ts';
import { signalNumber } from './signals.ts';
import { Waiters } from './waiters.ts';

const EXIT: ExitStatus = { code: 3, oomKilled: false, finishedAt: 5 };

const image: Image = {
  id: `sha256:${'a'.repeat(64)}`,
  manifestDigest: `sha256:${'b'.repeat(64)}`,
  manifest: {
    schemaVersion: 2,
    mediaType: '',
    config: { mediaType: '', digest: `sha256:${'a'.repeat(64)}`, size: 1 },
    layers: [],
  },
  config: {
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: [] },
    config: {
      Entrypoint: ['/entry'],
      Cmd: ['default'],
      Env: ['A=image', 'B=image'],
      ExposedPorts: { '80/tcp': {}, '53/udp': {} },
      Labels: { from: 'image' },
      StopSignal: 'SIGINT',
    },
  },
  layers: [],
  references: ['docker.io/library/x:latest'],
  storedAt: 0,
};
const FACTS: Facts = {
  id: 'f'.repeat(64),
  name: 'some',
  hostname: 'ffff',
  image,
  mounts: [],
  now: 1,
};
const REQUEST: CreateInstance = { source: { kind: 'image', reference: 'x' } };

function record(id: string, name: string, state: InstanceState = 'created', createdAt = 1): InstanceRecord {
  const config = { ...configure(REQUEST, { ...FACTS, id, name }), createdAt };
  return { config, status: STATUSES[state], lease: null, pidStartTime: 0, bootId: 'boot' };
}

function failureOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

describe('configure', () => {
  test('takes the image’s defaults', () => {
    const config = configure(REQUEST, FACTS);
    expect(config.process.args).toEqual(['/entry', 'default']);
    expect(config.stopSignal).toBe('SIGINT');
    expect(config.process.cwd).toBe('/');
    expect(config.isolation).toBe('container');
    expect(config.labels).toEqual({ from: 'image' });
  });
  test('a command replaces the image’s command, an entrypoint both', () => {
    expect(configure({ ...REQUEST, command: ['other'] }, FACTS).process.args).toEqual(['/entry', 'other']);
    expect(configure({ ...REQUEST, entrypoint: ['/new'] }, FACTS).process.args).toEqual(['/new']);
    expect(configure({ ...REQUEST, entrypoint: [''], command: ['sh'] }, FACTS).process.args).toEqual(['sh']);
  });
  test('without any command it says so', () => {
    expect(() => configure({ ...REQUEST, entrypoint: [''] }, FACTS)).toThrow('no command specified');
  });
  test('variables: image, then own; a bare name takes one away', () => {
    const { env } = configure({ ...REQUEST, env: ['A=own', 'B', 'C=1=2'], tty: true }, FACTS).process;
    expect(env).toContain('A=own');
    expect(env).toContain('C=1=2');
    expect(env).toContain('TERM=xterm');
    expect(env).toContain('HOSTNAME=ffff');
    expect(env.some((entry) => entry.startsWith('B'))).toBe(false);
  });
  test('publish all adds the exposed ports that are not published', () => {
    const ports = [{ protocol: 'tcp', containerPort: 80, hostIp: '127.0.0.1', hostPort: 8080 }] as const;
    expect(configure({ ...REQUEST, ports, publishAll: true }, FACTS).ports).toEqual([
      ...ports,
      { protocol: 'udp', containerPort: 53, hostIp: '', hostPort: 0 },
    ]);
  });
  test('a relative working directory is refused', () => {
    expect(() => configure({ ...REQUEST, workingDir: 'a' }, FACTS)).toThrow('absolute path');
  });
});

describe('checks', () => {
  test('a VM needs room for its kernel', () => {
    checkIsolationMemory(traitsOf('container'), 2 ** 23);
    expect(() => checkIsolationMemory(traitsOf('vm'), 2 ** 23)).toThrow(
      'at least 64MiB of memory for its kernel; 8MiB',
    );
  });
  test('names are Docker’s', () => {
    for (const name of ['ab', 'A_b.c-9']) checkName(name);
    for (const name of ['', 'a', '-ab', 'a b', 'a/b', '../x'])
      expect(() => checkName(name)).toThrow('Invalid container name');
  });
  test('invented names are valid and free', () => {
    const taken = new Set<string>();
    for (let index = 0; index < 500; index++) {
      const name = inventName((candidate) => taken.has(candidate));
      expect(taken.has(name)).toBe(false);
      checkName(name);
      taken.add(name);
    }
  });
  test('signals by name and number', () => {
    expect(['SIGTERM', 'term', '15', 'Kill', 'SIGHUP', '1'].map(signalNumber)).toEqual([15, 15, 15, 9, 1, 1]);
    expect(signalNumber('RTMIN')).toBe(34);
    expect(signalNumber('SIGRTMIN+3')).toBe(37);
    expect(signalNumber('rtmax-1')).toBe(63);
    for (const text of ['', 'NOPE', '0', '65', '1.5', '-9', 'RTMIN+16', 'RTMAX-15', 'RTMIN-1', 'RTMAX+1'])
      expect(() => signalNumber(text)).toThrow('invalid signal');
  });
});

describe('admission', () => {
  test('what is already so needs nothing, what cannot be is refused by name', () => {
    expect(admit('start', 'running')).toBe('nothing');
    expect(admit('stop', 'created')).toBe('nothing');
    expect(admit('remove', 'running')).toBe('still-running');
    expect(admit('force-remove', 'running')).toBe('go');
    for (const action of ['start', 'stop', 'signal', 'exec', 'remove', 'force-remove'] as const) {
      expect(admit(action, 'removing')).toBe('being-removed');
    }
    const failure = failureOf(() => admitOrThrow('exec', record('f', 'some', 'exited')));
    expect(isHullError(failure, 'wrong-state') && failure.message).toBe('container f is not running');
  });
  test.each([
    ['start', 'paused', 'cannot start a paused container, try unpause instead'],
    ['exec', 'paused', 'Container f is paused, unpause the container before exec'],
    ['exec', 'restarting', 'Container f is restarting, wait until the container is running'],
    ['pause', 'paused', 'Container f is already paused'],
    ['pause', 'exited', 'container f is not running'],
    ['unpause', 'running', 'Container f is not paused'],
    ['remove', 'paused', 'cannot remove container "/some": container is paused and must be unpaused first'],
    [
      'remove',
      'restarting',
      'cannot remove container "/some": container is restarting: stop the container before removing or force remove',
    ],
  ] as const)('%s of a %s one is refused in Docker’s words', (action, state, words) => {
    const failure = failureOf(() => admitOrThrow(action, record('f', 'some', state)));
    expect(isHullError(failure, 'wrong-state') && failure.message).toBe(words);
  });
});

describe('registry', () => {
  const ids = ['a'.repeat(64), `ab${'c'.repeat(62)}`];
  const filled = (): Registry => {
    const registry = new Registry(openDatabase(':memory:'));
    registry.insert(record(ids[0] ?? '', 'first', 'created', 1));
    registry.insert(record(ids[1] ?? '', 'second', 'created', 2));
    return registry;
  };
  test('finds by id, prefix and name; newest first', () => {
    const registry = filled();
    expect(registry.get('/first').config.name).toBe('first');
    expect(registry.get('ab').config.name).toBe('second');
    expect(registry.get(ids[0] ?? '').config.name).toBe('first');
    expect(
      isHullError(
        failureOf(() => registry.get('a')),
        'ambiguous-id',
      ),
    ).toBe(true);
    expect(
      isHullError(
        failureOf(() => registry.get('zz')),
        'instance-not-found',
      ),
    ).toBe(true);
    expect(registry.list().map(({ config }) => config.name)).toEqual(['second', 'first']);
  });
  test('what is being removed is hidden and its name free at once', () => {
    const registry = filled();
    registry.apply(ids[0] ?? '', { type: 'removing', exit: null });
    expect(registry.idOfName('first')).toBeNull();
    expect(() => registry.get('first')).toThrow('No such container');
    registry.insert(record('e'.repeat(64), 'first'));
    registry.delete(ids[0] ?? '');
    expect(registry.get('first').config.id).toBe('e'.repeat(64));
  });
  test('everything is there again for the next daemon', () => {
    const database = openDatabase(':memory:');
    const registry = new Registry(database);
    registry.insert(record(ids[0] ?? '', 'first'));
    registry.apply(ids[0] ?? '', { type: 'starting', bootId: 'x', byPolicy: false });
    registry.apply(ids[0] ?? '', { type: 'started', pid: 7, pidStartTime: 1, startedAt: 2 });
    const next = new Registry(database).get('first');
    expect([next.status.state, pidOf(next.status), next.bootId]).toEqual(['running', 7, 'x']);
  });
  test('no lookup text does harm', () => {
    const registry = filled();
    fc.assert(
      fc.property(fc.string(), (text) => {
        const result = failureOf(() => registry.get(text));
        expect(result instanceof Error ? isHullError(result) : true).toBe(true);
      }),
    );
  });
});

describe('waiters', () => {
  test('removal ends every wait with the last exit', async () => {
    const waiters = new Waiters();
    const exit = waiters.wait('i', 'exit');
    const removed = waiters.wait('i', 'removed');
    waiters.exited('i', EXIT);
    expect(await exit).toEqual(EXIT);
    const late = waiters.wait('i', 'exit');
    waiters.removed('i');
    expect(await removed).toEqual(EXIT);
    expect(await late).toEqual(EXIT);
  });
  test('a client that goes is forgotten', async () => {
    const waiters = new Waiters();
    const abort = new AbortController();
    const wait = waiters.wait('i', 'exit', abort.signal).catch(() => 'gone');
    abort.abort();
    expect(await wait).toBe('gone');
  });
});

describe('attaching before the start', () => {
  const actual = (text: string, log: string[]) => ({
    output: (async function* () {
      yield await Promise.resolve({ stream: 'stdout' as const, data: Buffer.from(text) });
    })(),
    write: (data: Uint8Array) => Promise.resolve(void log.push(String(Buffer.from(data)))),
    closeInput: () => Promise.resolve(void log.push('close')),
    detach: () => void log.push('detach'),
  });
  const read = async (stdio: DeferredStdio | ReturnType<PendingAttachments['add']>): Promise<string> => {
    let text = '';
    for await (const { data } of stdio.output) text += String(Buffer.from(data));
    return text;
  };
  test('waits for the run, then passes everything through', async () => {
    const pending = new PendingAttachments();
    const log: string[] = [];
    const stdio = pending.add('i', { stdin: true });
    const output = read(stdio);
    const written = stdio.write(Buffer.from('in')).then(() => stdio.closeInput());
    await pending.connect('i', () => Promise.resolve(actual('out', log)));
    expect(await output).toBe('out');
    await written;
    expect(log).toEqual(['in', 'close']);
  });
  test('ends without output when there is no run', async () => {
    const pending = new PendingAttachments();
    const stdio = pending.add('i', { stdin: false });
    pending.end('i');
    expect(await read(stdio)).toBe('');
    await stdio.write(Buffer.from('nowhere'));
  });
  test('Ctrl-C on a terminal is told as long as there is no run, and goes to it afterwards', async () => {
    const pending = new PendingAttachments();
    const log: string[] = [];
    let told = 0;
    const stdio = pending.add('i', { stdin: true }, () => told++);
    const early = [stdio.write(Buffer.from('abc')), stdio.write(Buffer.from([97, 3]))];
    expect(told).toBe(1);
    await pending.connect('i', () => Promise.resolve(actual('', log)));
    await Promise.all([...early, stdio.write(Buffer.from([3]))]);
    expect(told).toBe(1);
    expect(log).toEqual(['abc', 'a\u0003', '\u0003']);
  });
  test('a client that left is not connected', async () => {
    const pending = new PendingAttachments();
    pending.add('i', { stdin: false }).detach();
    let connected = 0;
    await pending.connect('i', () => Promise.resolve(actual(String(connected++), [])));
    expect(connected).toBe(0);
  });
});

describe('plans', () => {
  test('recovery: from the state and the boot to the action', () => {
    const cases = [
      [record('a', 'aa', 'running'), 'adopt'],
      [record('b', 'bb', 'stopping'), 'adopt'],
      [{ ...record('c', 'cc', 'running'), bootId: 'earlier' }, 'ended-with-host'],
      [record('d', 'dd', 'starting'), 'interrupted'],
      [record('e', 'ee', 'removing'), 'interrupted'],
      [record('f', 'ff', 'exited'), 'nothing'],
      [record('g', 'gg', 'created'), 'nothing'],
    ] as const;
    const plan = planRecovery(
      cases.map(([one]) => one),
      'boot',
    );
    expect(plan.map(({ type }) => type)).toEqual(cases.map(([, type]) => type));
  });
  test('interruptions: what was at rest keeps its own end', () => {
    const said = (state: InstanceState): string | null => interruptionOf(record('a', 'aa', state));
    expect(said('starting')).toContain('being started');
    expect(said('running')).toContain('no daemon watched it');
    for (const state of ['created', 'exited'] as const) expect(said(state)).toBeNull();
  });
  test('leaks: what nobody owns, and what an instance at rest should not have', () => {
    expect(isLeak({ kind: 'folder' }, null)).toBe(true);
    expect(isLeak({ kind: 'folder' }, 'exited')).toBe(false);
    expect(isLeak({ kind: 'process' }, 'exited')).toBe(true);
    expect(isLeak({ kind: 'process' }, 'running')).toBe(false);
  });
});
