import { HullError } from '../../model/errors.ts';
import type { Healthcheck, Image, ImageRunConfig } from '../../model/image.ts';
import type { InstanceConfig, InstanceMount, PortBinding } from '../../model/instance.ts';
import type { InstanceOptions } from '../../model/instance-options.ts';
import type { CreateInstance } from '../api.ts';
import { DEFAULT_NETWORK, plainConnection } from '../networks/connections.ts';
import { checkName } from './checks.ts';
import { DEFAULT_PATH } from '../../model/default-path.ts';

const DEFAULT_STOP_TIMEOUT = 10;

/** What `configure` needs to know beside the request. */
export interface Facts {
  readonly id: string;
  readonly name: string;
  readonly hostname: string;
  /** Null for a machine. */
  readonly image: Image | null;
  /** Resolved already, the image's volumes included. */
  readonly mounts: readonly InstanceMount[];
  readonly now: number;
}

/** The request merged with the image's defaults and checked. Pure. Throws `invalid-argument`. */
export function configure(request: CreateInstance, facts: Facts): InstanceConfig {
  checkName(facts.name);
  const defaults = facts.image?.config.config ?? {};
  const { entrypoint, command } = commandLine(request, defaults);
  if (facts.image !== null && entrypoint.length + command.length === 0) {
    throw new HullError(
      'invalid-argument',
      'no command specified: the image names none, so give one after it',
    );
  }
  const isolation = request.isolation ?? (request.source.kind === 'machine' ? 'vm' : 'container');
  const exposed = [
    ...new Set([...Object.keys(defaults.ExposedPorts ?? {}), ...(request.exposedPorts ?? [])]),
  ];
  const tty = request.tty ?? false;
  return {
    id: facts.id,
    name: facts.name,
    isolation,
    source: sourceOf(request, facts.image),
    process: {
      args: [...entrypoint, ...command],
      env: environment(defaults.Env ?? [], request.env ?? [], facts.hostname, tty),
      cwd: absolute(request.workingDir ?? defaults.WorkingDir),
      user: request.user ?? defaults.User ?? '',
      tty,
      ...(request.size === undefined ? {} : { size: request.size }),
    },
    entrypoint,
    command,
    hostname: facts.hostname,
    domainname: request.domainname ?? '',
    openStdin: request.openStdin ?? false,
    stdinOnce: request.stdinOnce ?? false,
    attach: request.attach ?? { stdin: false, stdout: true, stderr: true },
    mounts: facts.mounts,
    ...networkOf(request),
    ports: portsOf(request, exposed),
    exposedPorts: exposed,
    extraHosts: request.extraHosts ?? [],
    dns: request.dns ?? [],
    resources: request.resources ?? {},
    readOnlyRoot: request.readOnlyRoot ?? false,
    init: request.init ?? false,
    privileged: request.privileged ?? false,
    capAdd: request.capAdd ?? [],
    capDrop: request.capDrop ?? [],
    autoRemove: request.autoRemove ?? false,
    labels: { ...defaults.Labels, ...request.labels },
    stopSignal: request.stopSignal ?? defaults.StopSignal ?? 'SIGTERM',
    stopTimeout: request.stopTimeout ?? DEFAULT_STOP_TIMEOUT,
    ...healthcheckOf(request.healthcheck, defaults.Healthcheck),
    ...(request.restartPolicy === undefined ? {} : { restartPolicy: request.restartPolicy }),
    options: withImageVolumes(request.options ?? {}, Object.keys(defaults.Volumes ?? {})),
    createdAt: facts.now,
  };
}

type NetworkPart = 'networkMode' | 'networkName' | 'joins' | 'networks' | 'dnsSearch' | 'dnsOptions';

function networkOf(request: CreateInstance): Pick<InstanceConfig, NetworkPart> {
  const { networkMode = 'bridge', networkName, joins, networks, dnsSearch, dnsOptions } = request;
  return {
    networkMode,
    ...(networkName === undefined ? {} : { networkName }),
    ...(joins === undefined ? {} : { joins }),
    networks: networkMode === 'bridge' ? (networks ?? [plainConnection(networkName ?? DEFAULT_NETWORK)]) : [],
    ...(dnsSearch === undefined ? {} : { dnsSearch }),
    ...(dnsOptions === undefined ? {} : { dnsOptions }),
  };
}

function sourceOf(request: CreateInstance, image: Image | null): InstanceConfig['source'] {
  if (request.source.kind === 'machine') return { kind: 'machine', disk: request.source.name };
  if (image === null)
    throw new HullError('internal', 'an instance of an image was configured without its image');
  return { kind: 'image', reference: request.source.reference, imageId: image.id };
}

/** Docker's rule: a new entrypoint takes the image's command away too. */
function commandLine(
  request: CreateInstance,
  defaults: ImageRunConfig,
): { entrypoint: readonly string[]; command: readonly string[] } {
  const given = request.command ?? [];
  if (request.entrypoint !== undefined) {
    // An empty string resets the image's entrypoint.
    const entrypoint =
      request.entrypoint.length === 1 && request.entrypoint[0] === '' ? [] : request.entrypoint;
    return { entrypoint, command: given };
  }
  return { entrypoint: defaults.Entrypoint ?? [], command: given.length > 0 ? given : (defaults.Cmd ?? []) };
}

/** Inspect shows the image's volumes among those that were declared. */
function withImageVolumes(options: InstanceOptions, volumes: readonly string[]): InstanceOptions {
  if (volumes.length === 0) return options;
  const declared = [...new Set([...volumes, ...(options.given?.volumes ?? [])])];
  return { ...options, given: { ...options.given, volumes: declared } };
}

/** Docker's rule: what the request leaves open is the image's, field by field. */
function healthcheckOf(
  asked: Healthcheck | undefined,
  image: Healthcheck | undefined,
): { readonly healthcheck?: Healthcheck } {
  if (asked === undefined) return image === undefined ? {} : { healthcheck: image };
  const given = Object.entries(asked).filter(
    ([, value]) => value !== 0 && !(Array.isArray(value) && value.length === 0),
  );
  return { healthcheck: { ...image, ...Object.fromEntries(given) } };
}

/** Later ones win by name and keep the earlier one's place; a bare `NAME` takes it away. */
function environment(
  image: readonly string[],
  own: readonly string[],
  hostname: string,
  tty: boolean,
): string[] {
  const merged = new Map<string, string>();
  const base = [`PATH=${DEFAULT_PATH}`, `HOSTNAME=${hostname}`, ...(tty ? ['TERM=xterm'] : [])];
  for (const entry of [...base, ...image, ...own]) {
    const equals = entry.indexOf('=');
    if (equals < 0) merged.delete(entry);
    else merged.set(entry.slice(0, equals), entry);
  }
  return [...merged.values()];
}

function absolute(path: string | undefined): string {
  if (path === undefined || path === '') return '/';
  if (path.startsWith('/')) return path;
  throw new HullError(
    'invalid-argument',
    `the working directory '${path}' is invalid, it needs to be an absolute path`,
  );
}

function portsOf(request: CreateInstance, exposed: readonly string[]): PortBinding[] {
  const asked = [...(request.ports ?? [])];
  if (request.publishAll !== true) return asked;
  const rest = exposed
    .map(parseExposed)
    .filter(
      (port) =>
        !asked.some(
          (binding) => binding.containerPort === port.containerPort && binding.protocol === port.protocol,
        ),
    );
  return [...asked, ...rest];
}

function parseExposed(text: string): PortBinding {
  const [port = '', protocol = 'tcp'] = text.split('/');
  return {
    containerPort: Number(port),
    protocol: protocol === 'udp' || protocol === 'sctp' ? protocol : 'tcp',
    hostIp: '',
    hostPort: 0,
  };
}
