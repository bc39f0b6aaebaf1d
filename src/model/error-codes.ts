/** The kinds that HTTP statuses and exit statuses are mapped from. */
export type ErrorKind =
  | 'NotFound'
  | 'Conflict'
  | 'InvalidArgument'
  | 'Unsupported'
  | 'Unavailable'
  | 'Denied'
  | 'Corrupt'
  | 'Internal';

interface CodeEntry {
  readonly kind: ErrorKind;
  /** One sentence for docs/errors.md: when it occurs and what to do. */
  readonly doc: string;
}

/** Every error code. A test keeps docs/errors.md complete. Keep it sorted by kind, then name. */
export const ERROR_CODES = {
  // NotFound
  'exec-not-found': {
    kind: 'NotFound',
    doc: 'No exec session has this id; it may have been removed with its instance.',
  },
  'image-not-found': {
    kind: 'NotFound',
    doc: 'No image has this reference or id; see `hull images`, build it, or bootstrap it.',
  },
  'instance-not-found': { kind: 'NotFound', doc: 'No instance has this name or id; see `hull ps -a`.' },
  'machine-not-found': { kind: 'NotFound', doc: 'No machine disk has this name; see `hull machine ls`.' },
  'network-not-found': { kind: 'NotFound', doc: 'No network has this name or id.' },
  'path-not-found': {
    kind: 'NotFound',
    doc: 'The path does not exist inside the instance or build context.',
  },
  'plugin-not-found': { kind: 'NotFound', doc: 'No driver has this name.' },
  'volume-not-found': { kind: 'NotFound', doc: 'No volume has this name.' },
  // Conflict
  'address-in-use': {
    kind: 'Conflict',
    doc: 'No free address or subnet is left; remove instances or choose another subnet.',
  },
  'ambiguous-id': {
    kind: 'Conflict',
    doc: 'The short id matches more than one object; give more characters.',
  },
  'engine-mismatch': {
    kind: 'Conflict',
    doc: 'A folder or database belongs to another engine, or the two folders do not belong together; the message says which, and what to do.',
  },
  'image-in-use': {
    kind: 'Conflict',
    doc: 'Instances or other images use this image; remove them or force.',
  },
  'machine-in-use': {
    kind: 'Conflict',
    doc: 'An instance is made of this machine disk; remove the instance first.',
  },
  'name-in-use': {
    kind: 'Conflict',
    doc: 'Another instance has this name; choose another, or remove that instance.',
  },
  'port-in-use': {
    kind: 'Conflict',
    doc: 'Something else already listens on the host port; choose another port.',
  },
  'volume-in-use': { kind: 'Conflict', doc: 'An instance uses this volume; remove the instance first.' },
  'wrong-state': { kind: 'Conflict', doc: 'The instance is not in a state in which this may happen.' },
  // InvalidArgument
  'blueprint-invalid': {
    kind: 'InvalidArgument',
    doc: 'The blueprint cannot be parsed; the message shows the line and a caret.',
  },
  'build-failed': {
    kind: 'InvalidArgument',
    doc: 'A build step failed; its exit status and last output are shown.',
  },
  'invalid-argument': {
    kind: 'InvalidArgument',
    doc: 'A value is malformed or out of range; the message names it.',
  },
  'invalid-reference': { kind: 'InvalidArgument', doc: 'The image reference is malformed.' },
  // Unsupported
  'isolation-unavailable': {
    kind: 'Unsupported',
    doc: 'The host cannot run this isolation; the message says what is missing.',
  },
  'not-supported': { kind: 'Unsupported', doc: 'This isolation or host cannot do what was asked.' },
  // Unavailable
  'bad-response': {
    kind: 'Unavailable',
    doc: 'What answered on the socket does not speak the engine’s protocol; check HULL_HOST.',
  },
  'command-failed': { kind: 'Unavailable', doc: 'A host tool failed; its output is in the message.' },
  'data-read-only': {
    kind: 'Unavailable',
    doc: 'The file system of the data folder takes no writes; look at the kernel’s log, and remount it writable.',
  },
  'engine-unreachable': {
    kind: 'Unavailable',
    doc: 'No engine answers on the socket; start `hull daemon`, or check HULL_HOST.',
  },
  'guest-unreachable': { kind: 'Unavailable', doc: 'The agent inside the VM did not answer in time.' },
  'host-tool-missing': {
    kind: 'Unavailable',
    doc: 'A program that the engine needs is not installed; the message names the package.',
  },
  'kernel-not-found': {
    kind: 'Unavailable',
    doc: 'No guest kernel was found; install a cloud kernel package or name a file.',
  },
  'no-space': {
    kind: 'Unavailable',
    doc: 'The disk is full; free space (`hull rmi`, `hull rm`) and try again.',
  },
  'outside-swarm': {
    kind: 'Unavailable',
    doc: 'Only a swarm has this; the engine runs instances on one host.',
  },
  'registry-failed': {
    kind: 'Unavailable',
    doc: 'The registry answered with an error, or with what cannot be understood; its own words are in the message.',
  },
  'registry-unreachable': {
    kind: 'Unavailable',
    doc: 'The registry does not answer; check its name, the network, and whether it speaks TLS.',
  },
  'start-failed': {
    kind: 'Unavailable',
    doc: 'The instance could not be started; the runtime’s own message is included.',
  },
  'volume-mount-failed': {
    kind: 'Unavailable',
    doc: 'What a volume’s options ask to be mounted cannot be; the kernel’s own words are in the message.',
  },
  // Denied
  denied: { kind: 'Denied', doc: 'The caller may not do this.' },
  'network-forbidden': {
    kind: 'Denied',
    doc: 'A network forbids it: it is built in or in use, its subnet overlaps another one, or the address is taken.',
  },
  'registry-unauthorized': {
    kind: 'Denied',
    doc: 'The registry wants other credentials; see `hull login`.',
  },
  // Corrupt
  'archive-invalid': {
    kind: 'Corrupt',
    doc: 'An archive is malformed or tries to leave its folder; nothing was unpacked.',
  },
  'blob-corrupt': {
    kind: 'Corrupt',
    doc: 'Stored content does not have its digest; run `hull check --repair`.',
  },
  'manifest-invalid': {
    kind: 'Corrupt',
    doc: 'An image’s manifest or configuration is malformed, or of a kind that cannot be used here.',
  },
  'state-corrupt': { kind: 'Corrupt', doc: 'Recorded state and disk disagree; run `hull check --repair`.' },
  'state-missing': {
    kind: 'Corrupt',
    doc: 'The data folder has things in it, but no database that says what they are; the message says how to get it back.',
  },
  // Internal
  internal: { kind: 'Internal', doc: 'A defect in the engine; please report it.' },
} as const satisfies Record<string, CodeEntry>;

export type ErrorCode = keyof typeof ERROR_CODES;
