import { readFileSync } from 'node:fs';
import { hostname, release } from 'node:os';
import type { Host } from '../host/host.ts';
import { kernelFeatures, ownLoad } from '../host/kernel-features.ts';
import type { EngineIdentity } from '../model/engine-identity.ts';
import { ISOLATIONS, type Availability, type Isolation } from '../model/isolation.ts';
import type { Network } from '../network/network.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type {
  CheckFinding,
  DiskUsage,
  DiskUser,
  EngineInfo,
  HostFacts,
  ProgramVersion,
  System,
} from './api.ts';
import type { DiskMeter } from './disk-usage.ts';
import type { EventBus } from './events.ts';
import { Programs } from './programs.ts';
import type { HostSize } from './instances/checks.ts';

export interface SystemParts {
  readonly identity: EngineIdentity;
  readonly engineId: string;
  readonly size: HostSize;
  readonly network: Pick<Network, 'describe' | 'warnings'>;
  readonly runtimes: Readonly<Record<Isolation, Pick<Runtime, 'probe'>>>;
  readonly host: Pick<Host, 'exec' | 'mounts'>;
  readonly events: Pick<EventBus, 'listeners'>;
  readonly disk: DiskMeter;
  readonly cgroupLayout: () => 'v1' | 'v2' | 'hybrid';
  readonly build: { readonly version: string; readonly commit: string; readonly builtWith: string };
  readonly check: System['check'];
  readonly shutdown: (options: { instances: 'keep' | 'stop' }) => Promise<void>;
}

/** Facts of the host and the engine. */
export class SystemService implements System {
  readonly #parts: SystemParts;
  readonly #programs: Programs;

  constructor(parts: SystemParts) {
    this.#parts = parts;
    this.#programs = new Programs(parts.host.exec);
  }

  async info({ patience }: { patience?: number } = {}): Promise<EngineInfo> {
    const { identity, size, network, runtimes } = this.#parts;
    const probed = await Promise.all(
      ISOLATIONS.map(async (isolation): Promise<[Isolation, Availability]> => [
        isolation,
        await within(runtimes[isolation].probe(), patience),
      ]),
    );
    const isolations = Object.fromEntries(probed) as Record<Isolation, Availability>;
    const layout = this.#parts.cgroupLayout();
    return {
      id: identity.tag,
      name: hostname(),
      cpus: size.cpus,
      memory: size.memory,
      kernel: release(),
      operatingSystem: osRelease('PRETTY_NAME') ?? 'Linux',
      cgroupVersion: layout === 'v2' ? '2' : '1',
      cgroupLayout: layout,
      isolations,
      warnings: [
        ...new Set(
          probed.flatMap(([, availability]) => (availability.available ? availability.warnings : [])),
        ),
        ...network.warnings(),
      ],
      network: network.describe(),
    };
  }

  host(): HostFacts {
    const { identity, host, events } = this.#parts;
    return {
      engineId: this.#parts.engineId,
      kernel: release(),
      features: kernelFeatures(host.mounts.list(), identity.dataDir),
      operatingSystemVersion: osRelease('VERSION_ID') ?? '',
      listeners: events.listeners,
      load: ownLoad(),
    };
  }

  programs(): Promise<readonly ProgramVersion[]> {
    return this.#programs.versions();
  }

  diskUsage(wanted: ReadonlySet<DiskUser>, signal?: AbortSignal): Promise<DiskUsage> {
    return this.#parts.disk.measure(wanted, signal);
  }

  version(): { version: string; commit: string; builtWith: string } {
    return this.#parts.build;
  }

  check(options: Parameters<System['check']>[0]): Promise<readonly CheckFinding[]> {
    return this.#parts.check(options);
  }

  shutdown(options: { instances: 'keep' | 'stop' }): Promise<void> {
    return this.#parts.shutdown(options);
  }
}

/** Whether VMs boot takes seconds to find out, once after the host's start. */
async function within(probe: Promise<Availability>, patience: number | undefined): Promise<Availability> {
  if (patience === undefined) return probe;
  const late = Promise.withResolvers<Availability>();
  const reason = 'not known yet: it is being tried; ask again in a moment';
  const timer = setTimeout(() => late.resolve({ available: false, reason }), patience);
  try {
    return await Promise.race([probe, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function osRelease(key: string): string | undefined {
  try {
    const text = readFileSync('/etc/os-release', 'utf8');
    return new RegExp(`^${key}="?([^"\\n]*)`, 'm').exec(text)?.[1];
  } catch {
    return undefined;
  }
}
