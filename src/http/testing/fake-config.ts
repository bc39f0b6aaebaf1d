import type { CreateInstance, MountRequest } from '../../engine/api.ts';
import type { Image } from '../../model/image.ts';
import type { InstanceConfig, InstanceMount } from '../../model/instance.ts';

/** A request merged with the image's defaults, as the engine does it. */
export function fakeConfig(id: string, request: CreateInstance, image: Image | null): InstanceConfig {
  const defaults = image?.config.config ?? {};
  const entrypoint = request.entrypoint ?? defaults.Entrypoint ?? [];
  const command = request.command ?? defaults.Cmd ?? [];
  const attach = request.attach ?? { stdin: false, stdout: false, stderr: false };
  return {
    id,
    name: request.name ?? `fake_${id.slice(0, 6)}`,
    isolation: request.isolation ?? 'container',
    source:
      request.source.kind === 'image'
        ? { kind: 'image', reference: request.source.reference, imageId: image?.id ?? `sha256:${id}` }
        : { kind: 'machine', disk: request.source.name },
    process: {
      args: [...entrypoint, ...command],
      env: [...(defaults.Env ?? []), ...(request.env ?? [])],
      cwd: request.workingDir ?? '/',
      user: request.user ?? '',
      tty: request.tty ?? false,
      ...(request.size === undefined ? {} : { size: request.size }),
    },
    entrypoint,
    command,
    hostname: request.hostname ?? id.slice(0, 12),
    domainname: request.domainname ?? '',
    openStdin: request.openStdin ?? false,
    stdinOnce: request.stdinOnce ?? false,
    attach,
    mounts: (request.mounts ?? []).map((mount) => fakeMount(mount, id)),
    networkMode: request.networkMode ?? 'bridge',
    networks: [],
    ports: request.ports ?? [],
    exposedPorts: request.exposedPorts ?? [],
    extraHosts: request.extraHosts ?? [],
    dns: request.dns ?? [],
    resources: request.resources ?? {},
    readOnlyRoot: request.readOnlyRoot ?? false,
    init: request.init ?? false,
    privileged: request.privileged ?? false,
    capAdd: request.capAdd ?? [],
    capDrop: request.capDrop ?? [],
    autoRemove: request.autoRemove ?? false,
    labels: request.labels ?? {},
    stopSignal: request.stopSignal ?? 'SIGTERM',
    stopTimeout: request.stopTimeout ?? 10,
    options: request.options ?? {},
    ...(request.restartPolicy === undefined ? {} : { restartPolicy: request.restartPolicy }),
    createdAt: Date.now(),
  };
}

function fakeMount(
  { type, target, readOnly, source, mode, options = [] }: MountRequest,
  id: string,
): InstanceMount {
  const name = source === '' ? id : source;
  const place = type === 'volume' ? { source: `/volumes/${name}`, volume: name } : { source };
  return { type, target, readOnly, ...place, options, ...(mode === undefined ? {} : { mode }) };
}
