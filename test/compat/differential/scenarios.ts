import { OTHER_SCENARIOS } from './other-scenarios.ts';
import { create, get, post, remove, type Scenario } from './steps.ts';

/** A container in the states that it can be in, and what is asked of it there. */
const containers: readonly Scenario[] = [
  {
    name: 'a container that was only created',
    steps: [
      create('made', { Cmd: ['sleep', '100'], Labels: { a: 'b' }, Env: ['X=y'] }),
      get('/containers/made/json'),
      get('/containers/json?all=1&filters={"name":["made"]}'),
      get('/containers/json'),
      post('/containers/made/stop'),
      post('/containers/made/kill'),
      post('/containers/made/pause'),
      post('/containers/made/unpause'),
      get('/containers/made/top'),
      get('/containers/made/logs'),
      get('/containers/made/logs?stdout=1'),
      get('/containers/made/changes'),
      get('/containers/made/stats?stream=0&one-shot=1'),
      post('/containers/made/exec', { Cmd: ['true'] }),
      post('/containers/made/resize?h=10&w=10'),
      post('/containers/made/wait?condition=nonsense'),
      remove('/containers/made'),
      get('/containers/made/json'),
    ],
  },
  {
    name: 'a container that runs',
    steps: [
      create('runs', { Cmd: ['sleep', '1000'], StopSignal: 'KILL', Hostname: 'box' }),
      post('/containers/runs/start'),
      post('/containers/runs/start'),
      get('/containers/runs/json'),
      get('/containers/json?filters={"name":{"runs":true}}'),
      get('/containers/runs/top?ps_args=-o pid,args', { after: 200 }),
      remove('/containers/runs'),
      post('/containers/runs/pause'),
      post('/containers/runs/pause'),
      get('/containers/runs/json'),
      post('/containers/runs/exec', { Cmd: ['true'] }),
      post('/containers/runs/unpause'),
      post('/containers/runs/unpause'),
      post('/containers/runs/rename?name=ran'),
      post('/containers/ran/rename'),
      post('/containers/ran/rename?name=ran'),
      post('/containers/ran/rename?name=not/valid'),
      post('/containers/ran/update', { CpuShares: 300 }),
      post('/containers/ran/update', { Memory: 1000 }),
      post('/containers/ran/kill?signal=NOSUCH'),
      post('/containers/ran/stop?t=1'),
      post('/containers/ran/stop'),
      get('/containers/ran/json'),
      post('/containers/ran/wait'),
      post('/containers/ran/restart?t=0'),
      remove('/containers/ran?force=1&v=1'),
      remove('/containers/ran'),
    ],
  },
  {
    name: 'a container that ended',
    steps: [
      create('ended', { Cmd: ['sh', '-c', 'echo out; echo err >&2; exit 3'] }),
      post('/containers/ended/start'),
      post('/containers/ended/wait'),
      get('/containers/ended/json'),
      get('/containers/json?all=1&filters={"name":["ended"]}'),
      get('/containers/json?all=1&filters={"exited":["3"]}'),
      get('/containers/ended/logs?stdout=1', { frames: true }),
      get('/containers/ended/logs?stderr=1&timestamps=1', { frames: true }),
      get('/containers/ended/logs?stdout=1&stderr=1&tail=0', { frames: true }),
      get('/containers/ended/logs?stdout=1&since=x', { frames: true }),
      post('/containers/ended/attach?logs=1&stdout=1', undefined, { frames: true }),
      post('/containers/ended/kill'),
      get('/containers/ended/top'),
      post('/containers/ended/exec', { Cmd: ['true'] }),
      remove('/containers/ended'),
    ],
  },
  {
    name: 'containers that cannot start',
    steps: [
      create('broken', { Cmd: ['/no/such/program'] }),
      post('/containers/broken/start'),
      get('/containers/broken/json'),
      remove('/containers/broken'),
      create('folder', { Cmd: ['/etc'] }),
      post('/containers/folder/start'),
      remove('/containers/folder'),
    ],
  },
];

const bodies: readonly [name: string, body: object][] = [
  ['entry', { Entrypoint: ['/bin/echo', 'a'], Cmd: ['b c'], WorkingDir: '/tmp', User: '1:2' }],
  ['texts', { Entrypoint: 'echo', Cmd: 'hi' }],
  [
    'ports',
    {
      ExposedPorts: { '80/tcp': {}, '53/udp': {} },
      HostConfig: { PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] } },
    },
  ],
  ['tty', { Tty: true, OpenStdin: true, StdinOnce: true, AttachStdin: true, AttachStdout: true }],
  [
    'limits',
    {
      HostConfig: {
        Memory: 67108864,
        CpuShares: 512,
        NanoCpus: 500000000,
        PidsLimit: 100,
        CpusetCpus: '0',
        BlkioWeight: 300,
      },
    },
  ],
  [
    'caps',
    { HostConfig: { CapAdd: ['NET_ADMIN'], CapDrop: ['CHOWN'], Privileged: false, ReadonlyRootfs: true } },
  ],
  [
    'volumes',
    {
      Volumes: { '/anon': {} },
      HostConfig: { Binds: ['named:/data:ro', '/opt:/host'], Tmpfs: { '/t': 'size=64k' } },
    },
  ],
  [
    'mounts',
    {
      HostConfig: {
        Mounts: [
          { Type: 'volume', Source: 'vol2', Target: '/v' },
          { Type: 'tmpfs', Target: '/t' },
        ],
      },
    },
  ],
  [
    'names',
    {
      Hostname: 'h',
      Domainname: 'd',
      HostConfig: { ExtraHosts: ['x:10.0.0.1'], Dns: ['9.9.9.9'], DnsSearch: ['s'], DnsOptions: ['o'] },
    },
  ],
  [
    'policy',
    {
      HostConfig: {
        RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 },
        AutoRemove: false,
        Init: true,
        ShmSize: 1048576,
      },
    },
  ],
  [
    'health',
    {
      Healthcheck: { Test: ['CMD', 'true'], Interval: 1000000000, Retries: 3 },
      StopSignal: 'SIGINT',
      StopTimeout: 5,
    },
  ],
  [
    'modes',
    {
      HostConfig: {
        NetworkMode: 'none',
        PidMode: 'host',
        IpcMode: 'private',
        UTSMode: 'host',
        UsernsMode: 'host',
      },
    },
  ],
  [
    'security',
    {
      HostConfig: {
        SecurityOpt: ['no-new-privileges'],
        Ulimits: [{ Name: 'nofile', Soft: 10, Hard: 20 }],
        Sysctls: { 'net.ipv4.ip_forward': '1' },
      },
    },
  ],
  ['logging', { HostConfig: { LogConfig: { Type: 'json-file', Config: { 'max-size': '1m' } } }, Labels: {} }],
  ['empty', {}],
];

const created: readonly Scenario[] = bodies.map(([name, body]) => ({
  name: `create and inspect: ${name}`,
  steps: [create(name, body), get(`/containers/${name}/json`), remove(`/containers/${name}?v=1`)],
}));

const wrong: readonly [body: unknown, query?: string][] = [
  [{ Image: 'nosuch:tag' }],
  [{ Image: '' }],
  [{}],
  [{ Image: 'Not Valid' }],
  ['{"Image": '],
  ['[]'],
  ['"text"'],
  ['null'],
  [{ Image: 'busybox', Cmd: 5 }],
  [{ Image: 'busybox', Env: 'A=b' }],
  [{ Image: 'busybox', Labels: ['a'] }],
  [{ Image: 'busybox', HostConfig: { Memory: '64m' } }],
  [{ Image: 'busybox', HostConfig: { Memory: 1000 } }],
  [{ Image: 'busybox', HostConfig: { PortBindings: { '99999/tcp': [{}] } } }],
  [{ Image: 'busybox', HostConfig: { Binds: ['relative/path:/x'] } }],
  [{ Image: 'busybox', HostConfig: { Binds: ['/a:/b:nonsense'] } }],
  [{ Image: 'busybox', HostConfig: { Mounts: [{ Type: 'bind', Source: '/no/such/folder', Target: '/x' }] } }],
  [{ Image: 'busybox', HostConfig: { RestartPolicy: { Name: 'sometimes' } } }],
  [{ Image: 'busybox', HostConfig: { NetworkMode: 'nosuch' } }],
  [{ Image: 'busybox', HostConfig: { NetworkMode: 'container:nobody' } }],
  [{ Image: 'busybox', WorkingDir: 'relative' }],
  [{ Image: 'busybox', Healthcheck: { Interval: 1 } }],
  [{ Image: 'busybox' }, '?name=a/b'],
  [{ Image: 'busybox' }, '?name=x'],
];

const refused: readonly Scenario[] = [
  {
    name: 'create: what cannot be',
    steps: wrong.map(([body, query = '']) => post(`/containers/create${query}`, body)),
  },
  {
    name: 'create: a body that is no JSON by its type',
    steps: [
      post('/containers/create', '{"Image":"busybox"}', { headers: { 'Content-Type': 'text/plain' } }),
      post('/containers/create'),
    ],
  },
  {
    name: 'what is not there',
    steps: [
      get('/containers/nobody/json'),
      ...['start', 'stop', 'restart', 'kill', 'pause', 'unpause', 'wait', 'rename?name=x'].map((action) =>
        post(`/containers/nobody/${action}`),
      ),
      ...['top', 'logs?stdout=1', 'changes', 'export', 'stats?stream=0', 'archive?path=/'].map((what) =>
        get(`/containers/nobody/${what}`),
      ),
      remove('/containers/nobody'),
      post('/containers/nobody/exec', { Cmd: ['true'] }),
      get('/exec/nobody/json'),
      post('/exec/nobody/start', {}),
      get('/images/nosuch/json'),
      get('/images/nosuch/history'),
      remove('/images/nosuch'),
      post('/images/nosuch/tag?repo=x'),
      get('/networks/nosuch'),
      remove('/networks/nosuch'),
      post('/networks/nosuch/connect', { Container: 'nobody' }),
      get('/volumes/nosuch'),
      remove('/volumes/nosuch'),
      get('/no/such/page'),
      post('/containers/json'),
      remove('/info'),
    ],
  },
  {
    name: 'filters that are none',
    steps: [
      get('/containers/json?filters={'),
      get('/containers/json?filters=[]'),
      get('/containers/json?filters={"nosuch":["x"]}'),
      get('/containers/json?filters={"status":["nosuch"]}'),
      get('/containers/json?filters={"before":["nobody"]}'),
      get('/containers/json?filters={"is-task":["x"]}'),
      get('/containers/json?limit=x'),
      get('/images/json?filters={"nosuch":["x"]}'),
      get('/networks?filters={"nosuch":["x"]}'),
      get('/volumes?filters={"nosuch":["x"]}'),
      post('/containers/prune?filters={"nosuch":["x"]}'),
    ],
  },
];

export const SCENARIOS: readonly Scenario[] = [...containers, ...created, ...refused, ...OTHER_SCENARIOS];
