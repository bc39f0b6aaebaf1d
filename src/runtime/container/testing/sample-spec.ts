import type { Bundle } from '../../runtime.ts';
import type { SpecFacts } from '../spec.ts';

/** A container that asks for nothing. */
export const SAMPLE_BUNDLE: Bundle = {
  id: 'a'.repeat(64),
  name: 'n',
  hostname: 'h',
  domainname: '',
  process: { args: ['true'], env: [], cwd: '/', user: '', tty: false },
  openStdin: false,
  stdinOnce: false,
  root: { kind: 'mounts', path: '/root-of-it' },
  mounts: [],
  files: { hosts: '/f/hosts', hostname: '/f/hostname', resolvConf: '/f/resolv' },
  network: { mode: 'none', namespace: '/ns', links: [] },
  resources: {},
  readOnlyRoot: false,
  init: false,
  privileged: false,
  capAdd: [],
  capDrop: [],
  options: {},
  runDir: '/run/x',
  log: { path: '/log', hardLimit: 0 },
};

/** A host that has what it takes, and nothing special. */
export const SAMPLE_FACTS: SpecFacts = {
  rootPath: '/root-of-it',
  cgroupPath: 'hull-1a2b/aaa',
  user: { uid: 0, gid: 0, groups: [], home: '/root' },
  capabilities: [],
  seccomp: null,
  appArmor: null,
  maxOpenFiles: 20_000,
  initProgram: null,
  hostDevices: [],
  swapLimit: true,
  devices: [],
  blockIo: null,
  joined: {},
  sharedMemory: null,
  recursiveReadOnly: true,
  files: new Set(),
  propagation: null,
  noNewPrivileges: false,
};
