import { expect, test } from 'bun:test';
import { parseFlags } from '../flags/parse.ts';
import { memoryIo } from '../testing/memory-io.ts';
import { createRequest } from './create-request.ts';
import { INSTANCE_FLAGS } from './instance-flags.ts';

const FILES = { 'profile.json': '{ "defaultAction": "SCMP_ACT_ALLOW" }' };

function hostOf(line: string) {
  const { values, args } = parseFlags(INSTANCE_FLAGS, line.split(' '), { passThrough: true });
  const attach = { stdin: false, stdout: true, stderr: true };
  return createRequest(memoryIo({ files: FILES }), values, args, attach).HostConfig;
}

test.each<[string, object]>([
  [
    '--ulimit nofile=1:2 --ulimit core=unlimited x',
    {
      Ulimits: [
        { Name: 'nofile', Soft: 1, Hard: 2 },
        { Name: 'core', Soft: -1, Hard: -1 },
      ],
    },
  ],
  [
    '--sysctl net.x=1 --annotation a=b --storage-opt size=1g x',
    {
      Sysctls: { 'net.x': '1' },
      Annotations: { a: 'b' },
      StorageOpt: { size: '1g' },
    },
  ],
  [
    '--device /dev/a --device /dev/a:/dev/b --device /dev/a:r --device /dev/a:/dev/b:rw x',
    {
      Devices: [
        { PathOnHost: '/dev/a', PathInContainer: '/dev/a', CgroupPermissions: 'rwm' },
        { PathOnHost: '/dev/a', PathInContainer: '/dev/b', CgroupPermissions: 'rwm' },
        { PathOnHost: '/dev/a', PathInContainer: '/dev/a', CgroupPermissions: 'r' },
        { PathOnHost: '/dev/a', PathInContainer: '/dev/b', CgroupPermissions: 'rw' },
      ],
    },
  ],
  [
    '--device-read-bps /dev/a:1m --device-write-iops /dev/a:7 --blkio-weight-device /dev/a:10 x',
    {
      BlkioDeviceReadBps: [{ Path: '/dev/a', Rate: 1 << 20 }],
      BlkioDeviceWriteIOps: [{ Path: '/dev/a', Rate: 7 }],
      BlkioWeightDevice: [{ Path: '/dev/a', Weight: 10 }],
    },
  ],
  [
    '--pid host --ipc none --uts host --userns host --cgroupns host --cgroup-parent /p x',
    {
      PidMode: 'host',
      IpcMode: 'none',
      UTSMode: 'host',
      UsernsMode: 'host',
      CgroupnsMode: 'host',
      CgroupParent: '/p',
    },
  ],
  [
    '--security-opt no-new-privileges --security-opt systempaths=unconfined x',
    {
      SecurityOpt: ['no-new-privileges'],
      MaskedPaths: [],
      ReadonlyPaths: [],
    },
  ],
  ['--security-opt seccomp=profile.json x', { SecurityOpt: ['seccomp={"defaultAction":"SCMP_ACT_ALLOW"}'] }],
  ['--security-opt seccomp=unconfined x', { SecurityOpt: ['seccomp=unconfined'] }],
  [
    '--log-driver local --log-opt max-size=1m x',
    { LogConfig: { Type: 'local', Config: { 'max-size': '1m' } } },
  ],
  [
    '--memory-reservation 8m --memory-swappiness 0 --oom-score-adj 5 --oom-kill-disable --shm-size 1m x',
    {
      MemoryReservation: 8 << 20,
      MemorySwappiness: 0,
      OomScoreAdj: 5,
      OomKillDisable: true,
      ShmSize: 1 << 20,
    },
  ],
  [
    '--volumes-from a:ro --volume-driver local --group-add 5 --runtime crun x',
    {
      VolumesFrom: ['a:ro'],
      VolumeDriver: 'local',
      GroupAdd: ['5'],
      Runtime: 'crun',
    },
  ],
  [
    '--mount type=bind,src=/a,dst=/b,bind-recursive=readonly,ro x',
    {
      Mounts: [
        {
          Type: 'bind',
          Source: '/a',
          Target: '/b',
          ReadOnly: true,
          BindOptions: { ReadOnlyForceRecursive: true },
        },
      ],
    },
  ],
])('%s', (line, expected) => {
  expect(hostOf(line)).toMatchObject(expected);
});

test.each([
  ['--ulimit nofile x', 'nofile=1024:2048'],
  ['--device dev/a x', '/dev/fuse'],
  ['--device /dev/a:/dev/b:rwx x', 'bad mode: rwx'],
  ['--device-read-bps /tmp/a:1 x', '/dev/NAME:RATE'],
  ['--security-opt seccomp=absent.json x', 'opening seccomp profile (absent.json) failed'],
  ['--log-driver none --log-opt max-size=1m x', 'invalid logging opts for driver none'],
])('refuses %s', (line, message) => {
  expect(() => hostOf(line)).toThrow(message);
});
