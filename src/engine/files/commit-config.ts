import type { Image, ImageRunConfig } from '../../model/image.ts';
import type { InstanceConfig } from '../../model/instance.ts';

type PlainSet = Readonly<Record<string, Record<string, never>>>;

/** What the engine adds to every instance's environment: not the image's. */
const INHERENT =
  /^(?:PATH=\/usr\/local\/sbin:\/usr\/local\/bin:\/usr\/sbin:\/usr\/bin:\/sbin:\/bin|TERM=xterm)$/;
const ANONYMOUS_VOLUME = /^[0-9a-f]{64}$/;
const DEFAULT_STOP_SIGNAL = 'SIGTERM';

/** An instance's configuration as an image's: what was asked for and what its image said, without what this one run alone is about. */
export function runConfigOf(config: InstanceConfig, base: Image): ImageRunConfig {
  const image = base.config.config ?? {};
  const { cwd, user } = config.process;
  const volumes = config.mounts
    .filter(({ type, volume = '' }) => type === 'volume' && ANONYMOUS_VOLUME.test(volume))
    .map(({ target }): [string, Record<string, never>] => [target, {}]);
  const ports = config.exposedPorts.map((port): [string, Record<string, never>] => [port, {}]);
  const env = ownEnvironment(config, image.Env ?? []);
  const signal = config.stopSignal === DEFAULT_STOP_SIGNAL ? image.StopSignal : config.stopSignal;
  return {
    ...(user === '' ? {} : { User: user }),
    ...(ports.length === 0 ? {} : { ExposedPorts: Object.fromEntries(ports) }),
    ...(env.length === 0 ? {} : { Env: env }),
    ...(config.entrypoint.length === 0 ? {} : { Entrypoint: config.entrypoint }),
    ...(config.command.length === 0 ? {} : { Cmd: config.command }),
    ...unlessEmpty('Volumes', { ...image.Volumes, ...Object.fromEntries(volumes) }),
    ...(cwd === '/' && image.WorkingDir === undefined ? {} : { WorkingDir: cwd }),
    ...(Object.keys(config.labels).length === 0 ? {} : { Labels: config.labels }),
    ...(signal === undefined ? {} : { StopSignal: signal }),
    ...(config.healthcheck === undefined ? {} : { Healthcheck: config.healthcheck }),
    ...(image.Shell === undefined ? {} : { Shell: image.Shell }),
  };
}

/** Docker's merge of a commit: what is absent comes from the instance, sets and lists are joined, the own values win. */
export function mergeConfig(wanted: ImageRunConfig, own: ImageRunConfig): ImageRunConfig {
  const env = [...(wanted.Env ?? [])];
  const known = new Set(env.map(nameOf));
  for (const entry of own.Env ?? []) if (!known.has(nameOf(entry))) env.push(entry);
  return {
    ...without(own, 'Cmd', 'Entrypoint'),
    ...wanted,
    ...(env.length === 0 ? {} : { Env: env }),
    ...commandOf(wanted, own),
    ...unlessEmpty('ExposedPorts', { ...own.ExposedPorts, ...wanted.ExposedPorts }),
    ...unlessEmpty('Volumes', { ...own.Volumes, ...wanted.Volumes }),
    ...(own.Labels === undefined && wanted.Labels === undefined
      ? {}
      : { Labels: { ...own.Labels, ...wanted.Labels } }),
  };
}

/** An entrypoint of its own comes without the instance's command. */
function commandOf(wanted: ImageRunConfig, own: ImageRunConfig): Pick<ImageRunConfig, 'Cmd' | 'Entrypoint'> {
  if ((wanted.Entrypoint ?? []).length > 0) return {};
  const command = (wanted.Cmd ?? []).length > 0 ? wanted.Cmd : own.Cmd;
  const entrypoint = wanted.Entrypoint ?? own.Entrypoint;
  return {
    ...(command === undefined ? {} : { Cmd: command }),
    ...(entrypoint === undefined ? {} : { Entrypoint: entrypoint }),
  };
}

function ownEnvironment(config: InstanceConfig, image: readonly string[]): string[] {
  const inherent = (entry: string): boolean =>
    INHERENT.test(entry) || entry === `HOSTNAME=${config.hostname}`;
  return config.process.env.filter((entry) => image.includes(entry) || !inherent(entry));
}

function nameOf(entry: string): string {
  const equals = entry.indexOf('=');
  return equals < 0 ? entry : entry.slice(0, equals);
}

function unlessEmpty(
  name: 'ExposedPorts' | 'Volumes',
  set: PlainSet,
): Partial<Record<typeof name, PlainSet>> {
  return Object.keys(set).length === 0 ? {} : { [name]: set };
}

function without(config: ImageRunConfig, ...names: readonly (keyof ImageRunConfig)[]): ImageRunConfig {
  return Object.fromEntries(
    Object.entries(config).filter(([name]) => !(names as readonly string[]).includes(name)),
  );
}
