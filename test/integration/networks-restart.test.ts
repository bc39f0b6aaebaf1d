import { afterAll, beforeAll, expect, test } from 'bun:test';
import { TestEngine } from '../support/engine.ts';

const engine = new TestEngine();
const LONG = 60_000;

async function docker(line: string): Promise<string> {
  const { code, stdout, stderr } = await engine.docker(line.split(' '));
  return code === 0 ? stdout.trim() : `${code}: ${stderr.trim()}`;
}

beforeAll(async () => {
  await engine.start();
  await engine.must(['bootstrap', 'busybox']);
}, LONG);
afterAll(() => engine.destroy(), LONG);

test(
  'an instance on any network is restarted at once, with the address that it was given',
  async () => {
    await docker('network create --subnet 10.229.7.0/29 again');
    await docker('run -d --name wished --network again --ip 10.229.7.4 busybox sleep 600');
    await docker('run -d --name given --network again busybox sleep 600');
    await docker('run -d --name alone --network none busybox sleep 600');
    await docker('run -d --name plain -p 127.0.0.1::80 busybox sleep 600');
    for (const name of ['wished', 'wished', 'given', 'given', 'alone', 'alone', 'plain', 'plain'])
      expect(await docker(`restart -t 0 ${name}`)).toBe(name);
    const address = '{{.NetworkSettings.Networks.again.IPAddress}}';
    expect(await docker(`inspect -f ${address} wished`)).toBe('10.229.7.4');
    await docker('rm -f wished given alone plain');
    expect(await docker('network rm again')).toBe('again');
    expect(await engine.findings()).toBe('');
  },
  LONG,
);
