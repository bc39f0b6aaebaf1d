import type { CreateInstance, ExecRequest, MountRequest } from '../../engine/api.ts';
import { HullError } from '../../model/errors.ts';
import type { TerminalSize } from '../../model/instance.ts';
import { isolationOf, toHealthcheck, toOptions, toRestartPolicy } from './create-options.ts';
import { toResources } from './create-resources.ts';
import type { CreateBody, ExecCreateBody, HostConfigBody } from './create-schema.ts';
import { parseBind, parseMount, parseTmpfs, parseVolumes } from './mounts.ts';
import { networksOf } from './create-network.ts';
import { parsePort, parsePortBindings } from './ports.ts';

/** A create body in the engine's words. Throws `invalid-argument` and `not-supported` naming the field. */
export function toCreateInstance(body: CreateBody, name: string | undefined): CreateInstance {
  const host: HostConfigBody = body.HostConfig ?? {};
  return dropUndefined({
    name: name?.replace(/^\//, ''),
    source: sourceOf(body, host),
    isolation: isolationOf(body, host),
    ...argumentsOf(body),
    env: present(body.Env),
    workingDir: nonEmpty(body.WorkingDir),
    user: nonEmpty(body.User),
    hostname: oneWord('Hostname', nonEmpty(body.Hostname)),
    domainname: oneWord('Domainname', nonEmpty(body.Domainname)),
    tty: present(body.Tty),
    openStdin: present(body.OpenStdin),
    stdinOnce: present(body.StdinOnce),
    attach: {
      stdin: body.AttachStdin ?? false,
      stdout: body.AttachStdout ?? false,
      stderr: body.AttachStderr ?? false,
    },
    mounts: mountsOf(body, host),
    ...networksOf(body, host),
    ports: parsePortBindings(host.PortBindings ?? {}),
    publishAll: present(host.PublishAllPorts),
    exposedPorts: exposedPortsOf(body, host),
    extraHosts: present(host.ExtraHosts)?.map((entry) => oneWord('HostConfig.ExtraHosts', entry)),
    dns: present(host.Dns)?.map((server) => oneWord('HostConfig.Dns', server)),
    dnsSearch: nonEmptyList(host.DnsSearch?.map((domain) => oneWord('HostConfig.DnsSearch', domain))),
    dnsOptions: nonEmptyList(host.DnsOptions?.map((option) => oneWord('HostConfig.DnsOptions', option))),
    resources: toResources(host),
    readOnlyRoot: present(host.ReadonlyRootfs),
    init: present(host.Init),
    privileged: present(host.Privileged),
    capAdd: words(host.CapAdd),
    capDrop: words(host.CapDrop),
    autoRemove: present(host.AutoRemove),
    labels: present(body.Labels),
    stopSignal: nonEmpty(body.StopSignal),
    stopTimeout: present(body.StopTimeout),
    size: terminalSize(host.ConsoleSize),
    restartPolicy: toRestartPolicy(host.RestartPolicy),
    healthcheck: toHealthcheck(body),
    options: nonEmptyObject(toOptions(body, host)),
    volumesFrom: nonEmptyList(host.VolumesFrom),
  });
}

/** These are written into files where a blank or a line's end begins something else. */
function oneWord<T extends string | undefined>(field: string, value: T): T {
  if (value !== undefined && /[\s\p{Cc}]/u.test(value))
    throw new HullError(
      'invalid-argument',
      `${field}: ${JSON.stringify(value)} has blanks or control characters`,
    );
  return value;
}

function sourceOf(body: CreateBody, host: HostConfigBody): CreateInstance['source'] {
  const machine = nonEmpty(host.Machine);
  const image = nonEmpty(body.Image);
  if (machine !== undefined && image !== undefined) {
    throw new HullError(
      'invalid-argument',
      'Image and HostConfig.Machine are both given; an instance has one source',
    );
  }
  if (machine !== undefined) return { kind: 'machine', name: machine };
  if (image === undefined) throw new HullError('invalid-argument', 'Image is missing: name an image to run');
  return { kind: 'image', reference: image };
}

/**
 * Docker's rule for what the image's defaults still fill in: giving an entrypoint discards the image's command, and an entrypoint of
 * one empty word clears the image's own.
 */
function argumentsOf(body: CreateBody): Pick<CreateInstance, 'entrypoint' | 'command'> {
  const entrypoint = words(body.Entrypoint);
  const command = words(body.Cmd);
  const given = command !== undefined && command.length > 0 ? command : undefined;
  if (entrypoint === undefined) return given === undefined ? {} : { command: given };
  const cleared = entrypoint.length === 1 && entrypoint[0] === '';
  const discards = entrypoint.length > 0;
  return {
    entrypoint: cleared ? [] : entrypoint,
    ...(given === undefined ? (discards ? { command: [] } : {}) : { command: given }),
  };
}

function mountsOf(body: CreateBody, host: HostConfigBody): readonly MountRequest[] {
  const named = [
    ...(host.Binds ?? []).map((bind) => parseBind(bind, host.VolumeDriver ?? '')),
    ...(host.Mounts ?? []).map(parseMount),
    ...parseTmpfs(host.Tmpfs ?? {}),
  ];
  const targets = new Set<string>();
  for (const { target } of named) {
    if (targets.has(target)) throw new HullError('invalid-argument', `Duplicate mount point: ${target}`);
    targets.add(target);
  }
  // A path declared as a volume and mounted by name is the latter.
  const anonymous = parseVolumes(Object.keys(body.Volumes ?? {}), host.VolumeDriver ?? '').filter(
    ({ target }) => !targets.has(target),
  );
  return [...named, ...anonymous];
}

function exposedPortsOf(body: CreateBody, host: HostConfigBody): readonly string[] | undefined {
  const keys = [...Object.keys(body.ExposedPorts ?? {}), ...Object.keys(host.PortBindings ?? {})];
  if (keys.length === 0) return undefined;
  const normal = keys.map((key) => {
    const { port, protocol } = parsePort('ExposedPorts', key);
    return `${port}/${protocol}`;
  });
  return [...new Set(normal)];
}

/** POST /containers/ID/exec in the engine's words. */
export function toExecRequest(body: ExecCreateBody): ExecRequest {
  const args = words(body.Cmd) ?? [];
  if (args.length === 0) throw new HullError('invalid-argument', 'No exec command specified');
  return dropUndefined({
    args,
    env: body.Env ?? [],
    workingDir: nonEmpty(body.WorkingDir),
    user: nonEmpty(body.User),
    tty: body.Tty ?? false,
    privileged: body.Privileged ?? false,
    attach: {
      stdin: body.AttachStdin ?? false,
      stdout: body.AttachStdout ?? false,
      stderr: body.AttachStderr ?? false,
    },
    detachKeys: nonEmpty(body.DetachKeys),
  });
}

/** `[rows, columns]`; zeros are an unknown size. */
export function terminalSize(pair: readonly number[] | null | undefined): TerminalSize | undefined {
  const [rows = 0, columns = 0] = pair ?? [];
  return rows > 0 && columns > 0 ? { rows, columns } : undefined;
}

const present = <T>(value: T | null | undefined): T | undefined => value ?? undefined;
const nonEmptyList = <T>(value: readonly T[] | null | undefined): readonly T[] | undefined =>
  value === null || value === undefined || value.length === 0 ? undefined : value;
const nonEmptyObject = <T extends object>(value: T): T | undefined =>
  Object.keys(value).length === 0 ? undefined : value;
const nonEmpty = (value: string | null | undefined): string | undefined =>
  value === '' ? undefined : (value ?? undefined);

function words(value: string | string[] | null | undefined): readonly string[] | undefined {
  return typeof value === 'string' ? [value] : (value ?? undefined);
}

type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** Leaves out what is undefined, so that "absent" has one form. */
function dropUndefined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as Defined<T>;
}
