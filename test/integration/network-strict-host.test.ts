import { expect, test } from 'bun:test';
import { createHost } from '../../src/host/index.ts';

const SCRIPT = new URL('network/strict-host.ts', import.meta.url).pathname;

test.each(['plain', 'docker'])(
  'works on a host that drops what it forwards (%s), and leaves its rules and settings as they were',
  async (kind) => {
    const output = await createHost().exec.must([
      'unshare',
      '--net',
      '--mount',
      process.execPath,
      SCRIPT,
      kind,
    ]);
    expect(JSON.parse(output)).toMatchObject({
      added: 2,
      forwarding: '1',
      outward: 'internet 198.18.250.1',
      inward: 'server 198.18.250.2',
      same: true,
      restored: '0',
      traces: [],
    });
    expect(output).toContain('"across":"server ');
  },
  30_000,
);
