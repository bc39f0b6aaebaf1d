import { Cgroups } from '../../host/cgroup.ts';
import type { Host } from '../../host/host.ts';
import type { EngineIdentity } from '../../model/engine-identity.ts';
import type { Runtime } from '../runtime.ts';
import { chooseContainerRuntime, chooseSandboxRuntime } from './choose.ts';
import { OciDriver } from './driver.ts';

export interface OciRuntimeOptions {
  readonly host: Host;
  readonly identity: EngineIdentity;
  /** Shared with others that read control groups; default: one of its own. */
  readonly cgroups?: Cgroups;
}

/** Isolation `container`: namespaces, control groups and seccomp, by conmon and crun (or runc). */
export function createContainerRuntime({
  host,
  identity,
  cgroups = new Cgroups(host, identity),
}: OciRuntimeOptions): Runtime {
  const choose = () => chooseContainerRuntime(host, cgroups, identity.runDir);
  return new OciDriver({ host, identity, cgroups, isolation: 'container', choose });
}

/** Isolation `sandbox`: gVisor's user-space kernel, by conmon and runsc. */
export function createSandboxRuntime({
  host,
  identity,
  cgroups = new Cgroups(host, identity),
}: OciRuntimeOptions): Runtime {
  const choose = () => chooseSandboxRuntime(host, identity.runDir);
  return new OciDriver({ host, identity, cgroups, isolation: 'sandbox', choose });
}
