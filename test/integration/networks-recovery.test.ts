import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { NO_VMS, TestEngine } from '../support/engine.ts';
import { until } from '../support/until.ts';

const engine = new TestEngine();
const LONG = 120_000;
/** Drawn, and below those that the kernel hands out: other tests publish ports too. */
const PORT = 21_000 + Math.floor(Math.random() * 10_000);
const SERVE = 'mkdir /w; hostname > /w/index.html; exec httpd -f -p 80 -h /w';
/** A page by wget would do, but the static one of Debian fails without a resolver. */
const ask = (host: string, port: number) =>
  `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2 ${host} ${port} | tail -n 1`;

async function docker(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await engine.docker(args);
  return code === 0 ? stdout.trim() : `${code}: ${stderr.trim()}`;
}
const inside = (name: string, script: string) => docker('exec', name, 'sh', '-c', script);
const serve = (name: string, ...options: string[]) =>
  docker('run', '-d', '--name', name, '--hostname', name, ...options, 'busybox', 'sh', '-c', SERVE);
const served = (url: string, expected: string) =>
  until(
    `${url} answers`,
    async () => ((await (await fetch(url)).text()).trim() === expected ? true : null),
    5000,
  );

beforeAll(async () => {
  await engine.start();
  await engine.must(['bootstrap', 'busybox']);
}, LONG);
afterAll(() => engine.destroy(), LONG);

test(
  'networks and who is on them outlive a killed daemon; a port that was taken meanwhile is told',
  async () => {
    await docker('network', 'create', '--subnet', '10.235.0.0/24', 'lasting');
    await docker('network', 'create', '-o', 'com.docker.network.bridge.name=hbtestbr0', 'named');
    await serve('stays', '--network', 'lasting', '-p', `127.0.0.1:${PORT + 4}:80`);
    await docker('network', 'connect', 'named', 'stays');
    await engine.crash();
    await engine.host.exec.must(['ip', 'link', 'delete', 'hbtestbr0']);
    const thief = Bun.listen({ hostname: '127.0.0.1', port: PORT + 4, socket: { data: () => undefined } });
    await engine.start();
    expect(readFileSync(engine.logPath, 'utf8')).toContain(`cannot publish 127.0.0.1:${PORT + 4}/tcp`);
    thief.stop(true);
    await served(`http://127.0.0.1:${PORT + 4}/`, 'stays');
    expect(await inside('stays', 'ls /sys/class/net')).toBe('eth0\neth1\nlo');
    const neighbour = (network: string) =>
      docker('run', '--rm', '--network', network, 'busybox', 'sh', '-c', ask('stays', 80));
    expect(await neighbour('lasting')).toBe('stays');
    expect(await neighbour('named')).toBe('stays');
    expect(await engine.findings()).toBe('');
    await docker('rm', '-f', 'stays');
    await docker('network', 'rm', 'lasting', 'named');
    expect((await engine.host.exec.run(['ip', 'link', 'show', 'hbtestbr0'])).code).not.toBe(0);
  },
  LONG,
);

test.skipIf(NO_VMS !== null)(
  'a VM is on all networks that it was made with',
  async () => {
    await docker('network', 'create', 'vm1');
    await docker('network', 'create', 'vm2');
    await serve('peer', '--network', 'vm2');
    const script = `ls /sys/class/net; ${ask('peer', 80)}`;
    const heard = await docker(
      'run',
      '--rm',
      '--isolation',
      'vm',
      '--network',
      'vm1',
      '--network',
      'vm2',
      'busybox',
      'sh',
      '-c',
      script,
    );
    expect(heard.replaceAll('\r', '')).toContain('eth0\neth1\nlo\npeer');
    await docker('rm', '-f', 'peer');
    await docker('network', 'rm', 'vm1', 'vm2');
  },
  LONG,
);
