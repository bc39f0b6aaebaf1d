import { readFileSync } from 'node:fs';
import { hostname, release } from 'node:os';
import type { EngineIdentity } from '../model/engine-identity.ts';
import { ISOLATIONS, type Availability, type Isolation } from '../model/isolation.ts';
import type { Network } from '../network/network.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { CheckFinding, EngineInfo, System } from './api.ts';
import type { HostSize } from './instances/checks.ts';

export interface SystemParts {
  readonly identity: EngineIdentity;
  readonly size: HostSize;
  readonly network: Pick<Network, 'describe'>;
  readonly runtimes: Readonly<Record<Isolation, Pick<Runtime, 'probe'>>>;
  readonly cgroupLayout: () => 'v1' | 'v2' | 'hybrid';
  readonly build: { readonly version: string; readonly commit: string; readonly builtWith: string };
  readonly check: (options: { repair: boolean; deep: boolean }) => Promise<readonly CheckFinding[]>;
  readonly shutdown: (options: { instances: 'keep' | 'stop' }) => Promise<void>;
}

/** Facts of the host and the engine. */
export class SystemService implements System {
  readonly #parts: SystemParts;

  constructor(parts: SystemParts) {
    this.#parts = parts;
  }

  async info(): Promise<EngineInfo> {
    const { identity, size, network, runtimes } = this.#parts;
    const probed = await Promise.all(
      ISOLATIONS.map(async (isolation): Promise<[Isolation, Availability]> => [
        isolation,
        await runtimes[isolation].probe(),
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
      operatingSystem: operatingSystem(),
      cgroupVersion: layout === 'v2' ? '2' : '1',
      cgroupLayout: layout,
      isolations,
      warnings: [
        ...new Set(
          probed.flatMap(([, availability]) => (availability.available ? availability.warnings : [])),
        ),
      ],
      network: network.describe(),
    };
  }

  version(): { version: string; commit: string; builtWith: string } {
    return this.#parts.build;
  }

  check(options: { repair: boolean; deep: boolean }): Promise<readonly CheckFinding[]> {
    return this.#parts.check(options);
  }

  shutdown(options: { instances: 'keep' | 'stop' }): Promise<void> {
    return this.#parts.shutdown(options);
  }
}

function operatingSystem(): string {
  try {
    return /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'Linux';
  } catch {
    return 'Linux';
  }
}
