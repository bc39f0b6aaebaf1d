import type { Host } from '../host/host.ts';
import { bootstrapTar, defaultSuite, findSuite, type SuiteSources } from '../host/mmdebstrap.ts';
import { digestOf } from '../lib/digest.ts';
import { LayerHolds } from '../lib/layer-holds.ts';
import { HullError } from '../model/errors.ts';
import type { Image } from '../model/image.ts';
import type { ProgressSink } from '../model/progress.ts';
import { parseReference } from '../model/reference.ts';
import type { LayerStore } from '../storage/layer-store.ts';
import { busyboxTar } from './busybox.ts';
import type { ImageStore } from './image-store.ts';
import { DEFAULT_PATH } from '../model/default-path.ts';

export interface BootstrapParts {
  readonly host: Host;
  readonly layers: LayerStore;
  readonly images: ImageStore;
  /** Runs `use` with a folder on the store's filesystem (not made) that is removed afterwards. */
  readonly withTemporary: <T>(use: (path: string) => Promise<T>) => Promise<T>;
}

export interface BootstrapOptions {
  readonly packages?: readonly string[];
  readonly onProgress?: ProgressSink;
  readonly signal?: AbortSignal;
}

/** Says what an image was made from: the same inputs give the image that is there. */
const INPUTS_LABEL = 'org.twinhull.bootstrap.inputs';
const VERSIONS: Readonly<Record<string, string>> = {
  10: 'buster',
  11: 'bullseye',
  12: 'bookworm',
  13: 'trixie',
  14: 'forky',
};
/** What the slim variant of the well-known images leaves out. Licences stay. */
const SLIM = [
  'path-exclude=/usr/share/doc/*',
  'path-include=/usr/share/doc/*/copyright',
  'path-exclude=/usr/share/man/*',
  'path-exclude=/usr/share/info/*',
  'path-exclude=/usr/share/groff/*',
  'path-exclude=/usr/share/lintian/*',
  'path-exclude=/usr/share/linda/*',
  'path-exclude=/usr/share/locale/*',
  'path-include=/usr/share/locale/locale.alias',
];
/** No service starts while packages are installed, neither now nor later in a container. */
const EARLY_HOOKS = [
  `printf '#!/bin/sh\\nexit 101\\n' > "$1/usr/sbin/policy-rc.d" && chmod 755 "$1/usr/sbin/policy-rc.d"`,
];
const SKIP = ['chroot/policy-rc.d'];
/** Package caches are not kept in layers. */
const HOOKS = [
  `printf 'APT::Keep-Downloaded-Packages "false";\\nAcquire::GzipIndexes "true";\\nAPT::AutoRemove::SuggestsImportant "false";\\n' > "$1/etc/apt/apt.conf.d/90container"`,
  'rm -rf "$1"/var/cache/debconf/*-old "$1"/var/lib/dpkg/*-old "$1"/var/log/*.log "$1"/var/log/apt "$1"/etc/hostname "$1"/etc/resolv.conf',
];

/**
 * A base image without a registry, under `reference`: `debian:SUITE[-slim]` from the host's own apt sources, or `busybox` from the host's static
 * one. Rejects `not-supported` for anything else and for suites that the host's apt does not know. Takes a minute; at once when the same was made before.
 */
export async function bootstrapImage(
  parts: BootstrapParts,
  reference: string,
  options: BootstrapOptions = {},
): Promise<Image> {
  const { path, tag } = parseReference(reference);
  const name = path.split('/').at(-1);
  if (name === 'busybox') return await bootstrapBusybox(parts, reference, options);
  if (name === 'debian') return await bootstrapDebian(parts, reference, tag ?? 'latest', options);
  throw new HullError(
    'not-supported',
    `cannot bootstrap ${reference}: only debian (debian:bookworm-slim, debian:12, …) and busybox can be made on this host`,
  );
}

async function bootstrapDebian(
  parts: BootstrapParts,
  reference: string,
  tag: string,
  options: BootstrapOptions,
): Promise<Image> {
  const packages = checkPackages(options.packages ?? []);
  const slim = tag === 'slim' || tag.endsWith('-slim');
  const suite = findSuite(suiteOf(tag));
  const inputs = digestOf(JSON.stringify([suite.state, slim, packages, SLIM, EARLY_HOOKS, HOOKS]));
  const known = parts.images.find(reference);
  if (known?.config.config?.Labels?.[INPUTS_LABEL] === inputs) return known;
  using holds = new LayerHolds(parts.layers);
  const layer = await parts.withTemporary(async (temporary) => {
    await parts.host.exec.must(['mkdir', '-m', '755', temporary]);
    const request = {
      suite,
      packages,
      dpkgOptions: slim ? SLIM : [],
      earlyHooks: EARLY_HOOKS,
      skip: SKIP,
      hooks: HOOKS,
      temporary,
      onMessage: (message: string) => options.onProgress?.({ phase: 'bootstrap', message }),
    };
    const stream = bootstrapTar(
      parts.host.exec,
      options.signal === undefined ? request : { ...request, signal: options.signal },
    );
    return await parts.layers.importTar({ stream }, holds);
  });
  return await commit(parts, reference, layer, {
    command: 'bash',
    inputs,
    date: suite.date,
    comment: describe(suite, packages),
  });
}

async function bootstrapBusybox(
  parts: BootstrapParts,
  reference: string,
  options: BootstrapOptions,
): Promise<Image> {
  if ((options.packages ?? []).length > 0)
    throw new HullError('invalid-argument', 'the busybox image takes no packages; bootstrap debian instead');
  const { stream, date, version } = await busyboxTar(parts.host.exec);
  using holds = new LayerHolds(parts.layers);
  const layer = await parts.layers.importTar({ stream }, holds);
  return await commit(parts, reference, layer, {
    command: 'sh',
    inputs: layer.diffId,
    date,
    comment: version,
  });
}

async function commit(
  { images }: BootstrapParts,
  reference: string,
  layer: Awaited<ReturnType<LayerStore['importTar']>>,
  facts: { command: string; inputs: string; date: number; comment: string },
): Promise<Image> {
  const created = new Date(facts.date * 1000).toISOString();
  const architecture =
    ({ x64: 'amd64', ia32: '386' } as Readonly<Record<string, string>>)[process.arch] ?? process.arch;
  const config = {
    created,
    architecture,
    os: 'linux',
    config: { Env: [`PATH=${DEFAULT_PATH}`], Cmd: [facts.command], Labels: { [INPUTS_LABEL]: facts.inputs } },
    history: [{ created, created_by: 'hull bootstrap', comment: facts.comment }],
  };
  return await images.commit(config, [layer], [reference]);
}

/** `bookworm-slim`, `12.4`, `stable`, `latest` -> a suite's name. */
export function suiteOf(tag: string): string {
  const bare = tag.replace(/-?slim$/, '');
  if (bare === '' || bare === 'latest') return defaultSuite();
  return VERSIONS[bare.split('.')[0] ?? ''] ?? bare;
}

function checkPackages(packages: readonly string[]): string[] {
  const bad = packages.find((name) => !/^[a-z0-9][a-z0-9+.-]+(:[a-z0-9]+)?$/.test(name));
  if (bad !== undefined) throw new HullError('invalid-argument', `${JSON.stringify(bad)} is no package name`);
  return [...new Set(packages)].toSorted();
}

function describe({ suite }: SuiteSources, packages: readonly string[]): string {
  return `Debian ${suite} by mmdebstrap${packages.length > 0 ? ` with ${packages.join(', ')}` : ''}`;
}
