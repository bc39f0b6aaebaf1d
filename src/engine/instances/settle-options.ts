import { type HostLimits, ULIMIT_NAMES } from '../../host/host-limits.ts';
import { HullError } from '../../model/errors.ts';
import type { InstanceOptions, LogOptions, Ulimit } from '../../model/instance-options.ts';
import type { NetworkMode } from '../../model/instance.ts';
import { readSecurity } from '../../runtime/security-options.ts';
import type { IsolationTraits } from '../../runtime/traits.ts';
import type { Settled } from './settle-resources.ts';

/** What options are judged with. */
export interface OptionFacts {
  readonly host: Pick<HostLimits, 'ulimits' | 'oomScoreAdj'>;
  readonly networkMode: NetworkMode;
  readonly traits: Pick<IsolationTraits, 'sysctls'>;
  /** The id of an instance by name or id; null where there is none. */
  readonly idOf: (nameOrId: string) => string | null;
}

const DEVICE_RULE = /^[acb] (\d+|\*):(\d+|\*) [rwm]{1,3}$/;

/** Options as this host can give them: refused in Docker's words, or with a warning. Pure. */
export function settleOptions(options: InstanceOptions, facts: OptionFacts): Settled<InstanceOptions> {
  readSecurity(options.securityOpt);
  checkDevices(options);
  checkSysctls(options, facts);
  checkModes(options);
  checkLog(options.log);
  if (options.cgroupParent?.split('/').includes('..') === true)
    throw invalid(`invalid cgroup parent: ${options.cgroupParent}`);
  if ((options.shmSize ?? 0) < 0) throw invalid('SHM size can not be less than 0');
  if ('' in (options.annotations ?? {}))
    throw invalid('invalid Annotations: the empty string is not permitted as an annotation key');
  const limits = (options.ulimits ?? []).map((limit) => settleUlimit(limit, facts.host.ulimits));
  const score = settleScore(options.oomScoreAdj, facts.host.oomScoreAdj);
  const warnings = [...limits, score].flatMap((one) => one.warnings);
  const value: InstanceOptions = {
    ...options,
    ...(options.ulimits === undefined ? {} : { ulimits: limits.map((one) => one.value) }),
    ...(options.oomScoreAdj === undefined ? {} : { oomScoreAdj: score.value }),
    ...joined('pidMode', options.pidMode, facts),
    ...joined('ipcMode', options.ipcMode, facts),
  };
  return { value, warnings };
}

/** By id, so that it stays the same instance under another name. Where there is none, the start will say so. */
function joined(
  field: 'pidMode' | 'ipcMode',
  mode: string | undefined,
  { idOf }: OptionFacts,
): Partial<Pick<InstanceOptions, 'pidMode' | 'ipcMode'>> {
  if (mode?.startsWith('container:') !== true) return {};
  const id = idOf(mode.slice('container:'.length));
  return id === null ? {} : { [field]: `container:${id}` };
}

function settleUlimit(limit: Ulimit, ceilings: ReadonlyMap<string, number>): Settled<Ulimit> {
  const { name, soft, hard } = limit;
  if (!ULIMIT_NAMES.includes(name)) throw invalid(`invalid ulimit type: ${name}`);
  if (hard !== -1 && (soft === -1 || soft > hard))
    throw invalid(`ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`);
  const ceiling = ceilings.get(name);
  if (ceiling === undefined || (hard !== -1 && hard <= ceiling)) return { value: limit, warnings: [] };
  return {
    value: { name, hard: ceiling, soft: soft === -1 ? ceiling : Math.min(soft, ceiling) },
    warnings: [
      `The engine lacks CAP_SYS_RESOURCE: the ulimit ${name} was lowered to ${ceiling}, which is its own.`,
    ],
  };
}

function settleScore(asked = 0, lowest: number): Settled<number> {
  if (asked < -1000 || asked > 1000)
    throw invalid(`Invalid value ${asked}, range for oom score adj is [-1000, 1000]`);
  if (asked >= lowest || asked >= 0) return { value: asked, warnings: [] };
  return {
    value: lowest,
    warnings: [`The engine lacks CAP_SYS_RESOURCE: the OOM score adjustment was raised to ${lowest}.`],
  };
}

function checkDevices({ devices = [], deviceCgroupRules = [] }: InstanceOptions): void {
  for (const { pathOnHost, pathInContainer, permissions } of devices) {
    if (!pathOnHost.startsWith('/')) throw invalid(`${pathOnHost} is not an absolute path`);
    if (!pathInContainer.startsWith('/')) throw invalid(`${pathInContainer} is not an absolute path`);
    if (!/^[rwm]{1,3}$/.test(permissions)) throw invalid(`invalid device mode: ${permissions}`);
  }
  for (const rule of deviceCgroupRules) {
    if (!DEVICE_RULE.test(rule)) throw invalid(`invalid device cgroup rule format: '${rule}'`);
  }
}

/** System V and POSIX queues, semaphores and shared memory: what an IPC namespace has of its own. */
const IPC_SYSCTLS =
  /^(kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)|fs\.mqueue\..+)$/;

/** Kernel settings that a namespace has of its own (runc, libcontainer/configs/validate). */
function checkSysctls(options: InstanceOptions, { networkMode, traits }: OptionFacts): void {
  for (const name of Object.keys(options.sysctls ?? {})) {
    const normal = normalSysctl(name);
    if (traits.sysctls === 'all') continue;
    if (IPC_SYSCTLS.test(normal)) {
      if (options.ipcMode !== 'host') continue;
      throw invalid(`sysctl "${name}" is not allowed in the hosts ipc namespace`);
    }
    if (normal.startsWith('net.')) {
      if (networkMode !== 'host') continue;
      throw invalid(`sysctl "${name}" not allowed in host network namespace`);
    }
    if (normal === 'kernel.domainname' && options.utsMode !== 'host') continue;
    throw invalid(`sysctl "${name}" is not in a separate kernel namespace`);
  }
}

/** `net/ipv4/conf/eth0.1` and `net.ipv4.conf.eth0/1` are the same (sysctl.d(5)); nothing may lead out of the folder. */
function normalSysctl(name: string): string {
  const slash = name.indexOf('/');
  const dot = name.indexOf('.');
  const dotted =
    slash >= 0 && (dot < 0 || slash < dot)
      ? name.replaceAll(/[./]/g, (sign) => (sign === '.' ? '/' : '.'))
      : name;
  if (/^[\w.:/@-]+$/.test(dotted) && !dotted.split(/[./]/).some((part) => part === '')) return dotted;
  throw invalid(`sysctl ${JSON.stringify(name)} is not a name of a kernel setting`);
}

function checkModes({ pidMode, ipcMode, utsMode, usernsMode, cgroupnsMode }: InstanceOptions): void {
  const container = /^container:[^:]+$/;
  const check = (what: string, mode: string | undefined, ...known: readonly string[]): void => {
    if (mode === undefined || known.includes(mode)) return;
    if (what.endsWith('ID') || what === 'IPC') if (container.test(mode)) return;
    throw invalid(`invalid ${what} mode: ${mode}`);
  };
  check('PID', pidMode, 'host', 'private');
  check('IPC', ipcMode, 'none', 'private', 'shareable', 'host');
  check('UTS', utsMode, 'host');
  check('cgroup namespace', cgroupnsMode, 'private', 'host');
  if (usernsMode !== undefined && usernsMode !== 'host') {
    throw invalid(
      `invalid USER mode: ${usernsMode}: this engine maps no user ids; leave HostConfig.UsernsMode out, or give "host"`,
    );
  }
}

const LOG_OPTIONS: Readonly<Record<string, readonly string[]>> = {
  'json-file': ['max-file', 'max-size', 'compress', 'labels', 'labels-regex', 'env', 'env-regex', 'tag'],
  local: ['max-file', 'max-size', 'compress'],
};

/** Docker's rules for log drivers and their options; sizes and counts must be readable already now. */
function checkLog(log: LogOptions | undefined): void {
  if (log === undefined || log.driver === 'none') return;
  const { driver, options } = log;
  const known = LOG_OPTIONS[driver];
  const { mode = '', 'max-buffer-size': buffer, ...rest } = options;
  if (!['', 'blocking', 'non-blocking'].includes(mode))
    throw invalid(`logger: logging mode not supported: ${mode}`);
  if (buffer !== undefined && mode !== 'non-blocking')
    throw invalid("logger: max-buffer-size option is only supported with 'mode=non-blocking'");
  if (known === undefined) throw invalid(`logger: no log driver named '${driver}' is registered`);
  const odd = Object.keys(rest).find((name) => !known.includes(name));
  if (odd !== undefined) {
    throw invalid(
      driver === 'local'
        ? `unknown log opt '${odd}' for log driver local`
        : `unknown log opt '${odd}' for json-file log driver`,
    );
  }
  logBounds(log);
}

/** Bytes of one file, and files in all, where they are given. Throws `invalid-argument`. */
export function logBounds({ options }: LogOptions): { readonly size?: number; readonly files?: number } {
  const { 'max-size': size, 'max-file': files } = options;
  if (files !== undefined && !/^[1-9]\d{0,3}$/.test(files))
    throw invalid(
      /^-?\d+$/.test(files)
        ? 'max-file cannot be less than 1, nor more than 9999'
        : `invalid value for "max-file": ${JSON.stringify(files)} is no number`,
    );
  return {
    ...(size === undefined || size === '-1' ? {} : { size: humanSize(size) }),
    ...(files === undefined ? {} : { files: Number(files) }),
  };
}

/** `10m`, `1.5GB`: powers of 1000, as docker/go-units reads a size without a word on memory. */
function humanSize(text: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?$/i.exec(text) ?? [];
  const bytes = Math.floor(Number(number) * 1000 ** ' kmgtp'.indexOf(unit.toLowerCase() || ' '));
  if (number !== undefined && bytes > 0 && Number.isSafeInteger(bytes)) return bytes;
  throw invalid(`invalid value for "max-size": invalid size: '${text}'`);
}

function invalid(message: string): HullError {
  return new HullError('invalid-argument', message);
}
