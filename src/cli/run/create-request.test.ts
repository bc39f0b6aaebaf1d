import { describe, expect, test } from 'bun:test';
import { parseFlags } from '../flags/parse.ts';
import { memoryIo, type MemoryIoOptions } from '../testing/memory-io.ts';
import { attachmentOf, createRequest } from './create-request.ts';
import { INSTANCE_FLAGS } from './instance-flags.ts';

function requestOf(line: string, options: MemoryIoOptions = {}): ReturnType<typeof createRequest> {
  const { values, args } = parseFlags(
    INSTANCE_FLAGS,
    line.split(' ').filter((word) => word !== ''),
    { passThrough: true },
  );
  return createRequest(memoryIo(options), values, args, attachmentOf(values, false));
}

describe('the create request', () => {
  test('of a bare image', () => {
    expect(requestOf('busybox')).toEqual({
      AttachStdin: false,
      AttachStdout: true,
      AttachStderr: true,
      Tty: false,
      OpenStdin: false,
      StdinOnce: false,
      Image: 'busybox',
      Labels: {},
      HostConfig: {
        PublishAllPorts: false,
        NetworkMode: 'default',
        AutoRemove: false,
        ReadonlyRootfs: false,
        Privileged: false,
      },
    });
  });

  test.each<[string, object]>([
    ['-i busybox cat -n', { Cmd: ['cat', '-n'], OpenStdin: true, StdinOnce: true, AttachStdin: true }],
    ['-e A=1 -e HOME -e NONE x', { Env: ['A=1', 'HOME=/me'] }],
    ['--env-file f -e A=2 x', { Env: ['A=1', 'HOME=/me', 'B=x # y', 'A=2'] }],
    [
      '-w /w -u 1:2 -h host --stop-signal INT --stop-timeout 3 x',
      { WorkingDir: '/w', User: '1:2', Hostname: 'host', StopSignal: 'INT', StopTimeout: 3 },
    ],
    ['--entrypoint sh x', { Entrypoint: ['sh'] }],
    ['--entrypoint= x', { Entrypoint: [''] }],
    ['-v /data -v vol:/a x', { Volumes: { '/data': {} }, HostConfig: { Binds: ['vol:/a'] } }],
    [
      '--mount type=tmpfs,target=/t --tmpfs /u:size=1m --tmpfs /w x',
      { HostConfig: { Mounts: [{ Type: 'tmpfs', Target: '/t' }], Tmpfs: { '/u': 'size=1m', '/w': '' } } },
    ],
    [
      '-p 8080:80 -p 81:80 -p 1812:1812/udp --expose 9 x',
      {
        ExposedPorts: { '9/tcp': {}, '80/tcp': {}, '1812/udp': {} },
        HostConfig: {
          PortBindings: {
            '80/tcp': [
              { HostIp: '', HostPort: '8080' },
              { HostIp: '', HostPort: '81' },
            ],
            '1812/udp': [{ HostIp: '', HostPort: '1812' }],
          },
        },
      },
    ],
    [
      '--isolation vm -m 256m --cpus 1.5 --pids-limit 10 --memory-swap -1 x',
      { HostConfig: { Isolation: 'vm', Memory: 256 << 20, NanoCpus: 1.5e9, PidsLimit: 10, MemorySwap: -1 } },
    ],
    ['--machine deb', { Image: '', HostConfig: { Machine: 'deb' } }],
    [
      '--rm --read-only --privileged --init -P --network none x',
      {
        HostConfig: {
          AutoRemove: true,
          ReadonlyRootfs: true,
          Privileged: true,
          Init: true,
          PublishAllPorts: true,
          NetworkMode: 'none',
        },
      },
    ],
    [
      '--cap-add NET_ADMIN --cap-drop ALL --add-host a:1.2.3.4 --dns 1.1.1.1 x',
      {
        HostConfig: { CapAdd: ['NET_ADMIN'], CapDrop: ['ALL'], ExtraHosts: ['a:1.2.3.4'], Dns: ['1.1.1.1'] },
      },
    ],
    ['-l a=b -l c --label-file l x', { Labels: { a: 'b', c: '', d: 'e' } }],
    ['-a stdout x', { AttachStdout: true, AttachStderr: false, AttachStdin: false }],
    ['-a STDIN -i x', { AttachStdin: true, AttachStdout: false, StdinOnce: true }],
  ])('of %s', (line, expected) => {
    expect(
      requestOf(line, {
        env: { HOME: '/me' },
        files: { f: '# c\n\nA=1\nHOME\n  B=x # y\nGONE\n', l: 'd=e\n' },
      }),
    ).toMatchObject(expected);
  });

  test('a terminal’s size goes along with -t', () => {
    expect(requestOf('-t x', { tty: true })).toMatchObject({
      Tty: true,
      HostConfig: { ConsoleSize: [24, 80] },
    });
  });

  test.each([
    ['', 'an IMAGE (or --machine NAME) is required'],
    ['--machine a image', 'with --machine there is no image'],
    ['-e =x image', 'invalid environment variable'],
    ['-v a image', 'invalid argument "a" for -v, --volume'],
    ['--mount type=bind image', 'invalid argument "type=bind" for --mount: the field target is required'],
    ['--env-file none image', 'cannot read none: no such file or directory'],
    ['-p 99999 image', 'invalid argument "99999" for -p, --publish'],
    ['-a x image', 'invalid argument "x" for -a, --attach'],
    ['-m lots image', 'invalid argument "lots" for -m, --memory'],
  ])('%j is refused', (line, message) => {
    expect(() => requestOf(line)).toThrow(message);
  });
});
