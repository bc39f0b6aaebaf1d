import type { ContainerCreateRequest, HostConfig, PortBinding, WireSet } from '../../../api/docker.ts';
import type { CliIo } from '../io.ts';
import { networkRequest } from './network-request.ts';
import { UsageError } from '../usage-error.ts';
import { environment, pairs, pairsOfFile } from '../values/environment.ts';
import { parseMount, parseVolume } from '../values/mounts.ts';
import { hostOptions } from './host-flags.ts';
import { healthcheckOf, lifecycleLabels, restartPolicyOf } from './lifecycle-flags.ts';
import type { InstanceValues } from './instance-flags.ts';

/** Which standard streams are joined with the workload's. */
export interface Attachment {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** docker's rules: `-a` names the streams; without it all output, and stdin with `-i`; none when detached. */
export function attachmentOf(values: InstanceValues, detach: boolean): Attachment {
  if (detach) return { stdin: false, stdout: false, stderr: false };
  const named = values.attach;
  if (named.length === 0) return { stdin: values.interactive, stdout: true, stderr: true };
  return {
    stdin: named.includes('stdin') && values.interactive,
    stdout: named.includes('stdout'),
    stderr: named.includes('stderr'),
  };
}

/** The image and its command from the plain arguments; a machine takes neither. */
export function sourceOf(
  values: InstanceValues,
  args: readonly string[],
): { image: string; command: readonly string[] } {
  const [image, ...command] = args;
  if (values.machine !== undefined) {
    if (image !== undefined)
      throw new UsageError('with --machine there is no image: the machine boots its own system');
    return { image: '', command: [] };
  }
  if (image === undefined || image === '') throw new UsageError('an IMAGE (or --machine NAME) is required');
  return { image, command };
}

/** The body of the create request. Throws `UsageError` that names the flag. */
export function createRequest(
  io: CliIo,
  values: InstanceValues,
  args: readonly string[],
  attach: Attachment,
): ContainerCreateRequest {
  const { image, command } = sourceOf(values, args);
  const env = environment(io, values['env-file'], values.env);
  const volumes = values.volume.map((volume) =>
    named('-v, --volume', volume, () => parseVolume(volume, io.cwd)),
  );
  const anonymous = volumes.flatMap((volume) => (volume.kind === 'anonymous' ? [volume.target] : []));
  const binds = volumes.flatMap((volume) => (volume.kind === 'bind' ? [volume.bind] : []));
  const exposed = [...values.expose.flat(), ...values.publish.flat().map((one) => one.port)];
  return {
    ...optional('Hostname', values.hostname),
    ...optional('Domainname', values.domainname),
    ...optional('User', values.user),
    ...optional('WorkingDir', values.workdir),
    ...optional('StopSignal', values['stop-signal']),
    ...optional('StopTimeout', values['stop-timeout']),
    ...(values.entrypoint === undefined
      ? {}
      : { Entrypoint: values.entrypoint === '' ? [''] : [values.entrypoint] }),
    AttachStdin: attach.stdin,
    AttachStdout: attach.stdout,
    AttachStderr: attach.stderr,
    Tty: values.tty,
    OpenStdin: values.interactive,
    StdinOnce: values.interactive && attach.stdin,
    ...(env.length === 0 ? {} : { Env: env }),
    ...(command.length === 0 ? {} : { Cmd: command }),
    Image: image,
    ...(anonymous.length === 0 ? {} : { Volumes: wireSet(anonymous) }),
    ...(exposed.length === 0 ? {} : { ExposedPorts: wireSet(exposed) }),
    Labels: {
      ...pairs([...values['label-file'].flatMap((file) => pairsOfFile(io, file)), ...values.label]),
      ...lifecycleLabels(values),
    },
    ...healthcheckOf(values),
    HostConfig: hostConfig(io, values, binds),
    ...networkRequest(values).networking,
  };
}

function hostConfig(io: CliIo, values: InstanceValues, binds: readonly string[]): HostConfig {
  const mounts = values.mount.map((mount) => named('--mount', mount, () => parseMount(mount, io.cwd)));
  const size = values.tty ? io.terminalSize() : null;
  return {
    ...(binds.length === 0 ? {} : { Binds: binds }),
    ...(mounts.length === 0 ? {} : { Mounts: mounts }),
    ...(values.publish.length === 0 ? {} : { PortBindings: bindings(values) }),
    ...(values.tmpfs.length === 0 ? {} : { Tmpfs: tmpfs(values.tmpfs) }),
    ...(size === null ? {} : { ConsoleSize: [size.rows, size.columns] }),
    ...limits(values),
    ...hostOptions(io, values),
    PublishAllPorts: values['publish-all'],
    ...networkRequest(values).host,
    AutoRemove: values.rm,
    ...restartPolicyOf(values),
    ReadonlyRootfs: values['read-only'],
    Privileged: values.privileged,
    ...(values.init ? { Init: true } : {}),
    ...list('CapAdd', values['cap-add']),
    ...list('CapDrop', values['cap-drop']),
    ...list('ExtraHosts', values['add-host']),
    ...list('Dns', values.dns),
    ...list('DnsSearch', values['dns-search']),
    ...list('DnsOptions', values['dns-option']),
    ...optional('Isolation', values.isolation),
    ...optional('Machine', values.machine),
  };
}

function limits(values: InstanceValues): HostConfig {
  return {
    ...optional('Memory', values.memory),
    ...optional('MemorySwap', values['memory-swap']),
    ...optional('NanoCpus', values.cpus),
    ...optional('CpuShares', values['cpu-shares']),
    ...optional('CpusetCpus', values['cpuset-cpus']),
    ...optional('PidsLimit', values['pids-limit']),
  };
}

function bindings(values: InstanceValues): Record<string, readonly PortBinding[]> {
  const map: Record<string, PortBinding[]> = {};
  for (const { port, binding } of values.publish.flat()) (map[port] ??= []).push(binding);
  return map;
}

function tmpfs(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    given.map((one) => {
      const at = one.indexOf(':');
      return at < 0 ? [one, ''] : [one.slice(0, at), one.slice(at + 1)];
    }),
  );
}

function wireSet(keys: readonly string[]): WireSet {
  return Object.fromEntries(keys.map((key) => [key, {}]));
}

function optional<K extends string, T>(key: K, value: T | undefined): { readonly [P in K]?: T } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]: T });
}

function list<K extends string>(key: K, value: readonly string[]): { readonly [P in K]?: readonly string[] } {
  return value.length === 0 ? {} : ({ [key]: value } as { readonly [P in K]: readonly string[] });
}

function named<T>(flag: string, value: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new UsageError(
      `invalid argument ${JSON.stringify(value)} for ${flag}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
