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

test(
  "an address that was asked for by name is its next holder's as soon as the former one is gone",
  async () => {
    await docker('network create --subnet 10.229.8.0/24 heirs');
    await docker('network create elsewhere');
    await docker('run -d --name former --network heirs --ip 10.229.8.4 busybox sleep 600');
    await docker('create --name next --network heirs --ip 10.229.8.4 busybox sleep 600');
    // As Compose recreates a service.
    await docker('rm -f former');
    expect(await docker('start next')).toBe('next');
    expect(await docker('rm -f next')).toBe('next');
    for (const word of ['one', 'two', 'three'])
      expect(await docker(`run --rm --network heirs --ip 10.229.8.4 busybox echo ${word}`)).toBe(word);
    await docker('run -d --name mover --network elsewhere busybox sleep 600');
    await docker('run -d --name holder --network heirs --ip 10.229.8.4 busybox sleep 600');
    const refused = await docker('network connect --ip 10.229.8.4 heirs mover');
    expect(refused).toContain('Address already in use');
    await docker('rm -f holder');
    expect(await docker('network connect --ip 10.229.8.4 heirs mover')).toBe('');
    await docker('rm -f mover');
    expect(await docker('network rm heirs elsewhere')).toBe('heirs\nelsewhere');
    expect(await engine.findings()).toBe('');
  },
  LONG,
);
