import { describe, expect, test } from 'bun:test';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NO_VMS } from '../support/engine.ts';
import { until } from '../support/until.ts';
import { suiteEngine } from './support/suite.ts';

const LONG = 120_000;

/** One virtual machine, from the same image, with the stock client. */
describe.skipIf(NO_VMS !== null)(
  'docker run --isolation vm (skipped where no guest kernel is set up)',
  () => {
    const { engine, docker } = suiteEngine();
    const site = 'mkdir /w; echo page > /w/index.html; echo ready; exec httpd -f -p 80 -h /w';

    test(
      'it runs, and says what it is',
      async () => {
        const options = [
          '--isolation',
          'vm',
          '-p',
          '127.0.0.1:47221:80',
          '-v',
          'vmvol:/data',
          '-m',
          '256m',
          '-e',
          'A=b',
        ];
        await docker.must([
          'run',
          '-d',
          '--name',
          'vm',
          '--stop-signal',
          'KILL',
          ...options,
          'busybox',
          'sh',
          '-c',
          site,
        ]);
        expect(
          await docker.inspect('vm', '{{.State.Status}} {{.HostConfig.Isolation}} {{.HostConfig.Memory}}'),
        ).toBe('running vm 268435456');
        expect(await docker.must(['ps', '--format', '{{.Names}} {{.Ports}}', '-f', 'isolation=vm'])).toBe(
          'vm 127.0.0.1:47221->80/tcp',
        );
      },
      LONG,
    );

    test('exec sees another kernel, with environment, status, input and a terminal', async () => {
      const kernel = readFileSync('/proc/sys/kernel/version', 'utf8').trim();
      expect(await docker.must(['exec', 'vm', 'cat', '/proc/sys/kernel/version'])).not.toBe(kernel);
      expect(await docker.run(['exec', 'vm', 'sh', '-c', 'echo $A; echo err >&2; exit 3'])).toEqual({
        code: 3,
        stdout: 'b\n',
        stderr: 'err\n',
      });
      expect(await docker.must(['exec', '-i', 'vm', 'cat'], { input: 'typed' })).toBe('typed');
      expect((await docker.startOnTerminal(['exec', '-it', 'vm', 'tty']).finished).stdout).toContain('/dev/');
    });

    test('the published port, the log, the processes, the figures', async () => {
      const page = await until('the page', async () =>
        (await fetch('http://127.0.0.1:47221/', { headers: { connection: 'close' } })).text(),
      );
      expect(page).toBe('page\n');
      expect(await docker.must(['logs', 'vm'])).toBe('ready');
      expect(await docker.must(['top', 'vm'])).toContain('httpd');
      expect(
        await docker.must(['stats', '--no-stream', '--format', '{{.Name}} {{.MemUsage}}', 'vm']),
      ).toMatch(/^vm [\d.]+[KMG]iB \/ /);
    });

    test('files go in and out', async () => {
      const folder = join(engine.folder, 'vmcp');
      mkdirSync(folder);
      writeFileSync(join(folder, 'in'), 'carried');
      await docker.must(['cp', join(folder, 'in'), 'vm:/data/in']);
      expect(await docker.must(['exec', 'vm', 'cat', '/data/in'])).toBe('carried');
      await docker.must(['cp', 'vm:/data/in', join(folder, 'out')]);
      expect(readFileSync(join(folder, 'out'), 'utf8')).toBe('carried');
    });

    test(
      'it stops, starts again with its volume, and goes',
      async () => {
        await docker.must(['restart', '-t', '0', 'vm']);
        expect(await docker.must(['exec', 'vm', 'cat', '/data/in'])).toBe('carried');
        await docker.must(['kill', 'vm']);
        expect(await docker.must(['wait', 'vm'])).toBe('137');
        await docker.must(['rm', 'vm']);
        await docker.must(['volume', 'rm', 'vmvol']);
      },
      LONG,
    );
  },
);
