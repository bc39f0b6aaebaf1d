import { describe, expect, test } from 'bun:test';
import { suiteEngine } from './support/suite.ts';

const { docker } = suiteEngine();

describe('ps', () => {
  test('columns, formats, order: the newest first', async () => {
    const options = ['-p', '127.0.0.1:47201:80', '-l', 'role=web', '-v', 'psvol:/v', '--stop-signal', 'KILL'];
    await docker.must(['run', '-d', '--name', 'one', ...options, 'busybox', 'sleep', '1000']);
    await docker.must([
      'create',
      '--name',
      'two',
      '-l',
      'role=db',
      '--expose',
      '81',
      'busybox',
      'echo',
      'a b',
      "it's",
    ]);
    const row =
      '{{.Names}}|{{.Image}}|{{.Command}}|{{.State}}|{{.Ports}}|{{.Mounts}}|{{.Networks}}|{{.Label "role"}}|{{.LocalVolumes}}';
    expect((await docker.must(['ps', '-a', '--no-trunc', '--format', row])).split('\n')).toEqual([
      `two|busybox|"echo 'a b' it's"|created|||bridge|db|0`,
      'one|busybox|"sleep 1000"|running|127.0.0.1:47201->80/tcp|psvol|bridge|web|1',
    ]);
    expect(await docker.must(['ps', '--format', '{{.Names}}'])).toBe('one');
    expect(await docker.must(['ps', '-a', '--format', '{{.Status}}', '-f', 'name=two'])).toBe('Created');
    expect(await docker.must(['ps', '--format', '{{.Status}}'])).toMatch(/^Up (Less than a|\d+) seconds?$/);
    expect(await docker.must(['ps', '-s', '--format', '{{.Size}}'])).toMatch(/^0B \(virtual [\d.]+[kM]B\)$/);
    expect(await docker.must(['ps', '-lq'])).toBe(await docker.must(['ps', '-aq', '-f', 'name=two']));
    expect(await docker.must(['ps', '-n', '1', '--format', '{{.Names}}'])).toBe('two');
  });

  test.each([
    [['name=one'], 'one'],
    [['name=^/two$'], 'two'],
    [['name=o'], 'two,one'],
    [['label=role'], 'two,one'],
    [['label=role=db'], 'two'],
    [['label=role=db', 'label=other'], ''],
    [['status=running'], 'one'],
    [['status=created'], 'two'],
    [['status=created', 'status=running'], 'two,one'],
    [['status=paused'], ''],
    [['ancestor=busybox'], 'two,one'],
    [['ancestor=busybox:latest'], 'two,one'],
    [['ancestor=nosuch'], ''],
    [['before=two'], 'one'],
    [['since=one'], 'two'],
    [['volume=psvol'], 'one'],
    [['volume=/v'], 'one'],
    [['volume=other'], ''],
    [['network=bridge'], 'two,one'],
    [['network=host'], ''],
    [['publish=47201'], 'one'],
    [['publish=80/tcp'], ''],
    [['publish=1-65535/tcp'], 'one'],
    [['publish=82'], ''],
    [['expose=81'], ''],
    [['expose=80'], 'one'],
    [['expose=70-82/tcp'], 'one'],
    [['expose=70-82/udp'], ''],
    [['health=none'], 'two,one'],
    [['health=healthy'], ''],
    [['is-task=false'], 'two,one'],
    [['is-task=true'], ''],
    [['exited=0'], ''],
    [['isolation=container'], 'two,one'],
  ])('filter %p', async (filters, names) => {
    const args = filters.flatMap((filter) => ['-f', filter]);
    const found = await docker.must(['ps', '-a', ...args, '--format', '{{.Names}}']);
    expect(found.split('\n').join(',')).toBe(names);
  });

  test.each([
    ['nosuch=1', /invalid filter 'nosuch'/],
    ['status=nosuch', /(invalid filter 'status=nosuch'|nvalid value for status)/],
    ['exited=x', /invalid filter|strconv|invalid syntax|exited/],
    ['is-task=x', /invalid filter 'is-task=\[x\]'|is-task/],
    ['before=nobody', /No such container: nobody/],
    ['publish=x', /publish|port/],
  ])('filter %s is refused', async (filter, message) => {
    expect(await docker.refused(['ps', '-a', '-f', filter])).toMatch(message);
  });
});
