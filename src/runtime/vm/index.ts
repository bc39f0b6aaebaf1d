import type { Host } from '../../host/host.ts';
import type { EngineIdentity } from '../../model/engine-identity.ts';
import type { Runtime } from '../runtime.ts';
import { defaultPrograms, VmRuntime, type VmSettings } from './vm-runtime.ts';

export type { VmSettings } from './vm-runtime.ts';

/** The runtime for `--isolation vm`: QEMU, with the image's own root under the guest agent, or a whole machine. */
export function createVmRuntime(options: {
  readonly host: Host;
  readonly identity: EngineIdentity;
  readonly settings?: Partial<VmSettings>;
}): Runtime {
  const settings = { ...defaultPrograms(process.execPath), ...options.settings };
  return new VmRuntime(options.host, options.identity, settings);
}
