import { lookup } from 'node:dns/promises';
import { getSystemErrorMap } from 'node:util';
import type { Host } from '../../host/host.ts';
import { SyscallError } from '../../host/libc.ts';
import { carryOutMount, mayBlock, type MountPlan } from '../../host/mount-plan.ts';
import { mountInProcess, type MountFailure } from '../../host/mount-process.ts';
import { HullError } from '../../model/errors.ts';
import { isMounting, mountPlan, withoutPassword } from './driver-options.ts';
import type { Volume } from './volume-store.ts';

/** Mounts at a volume's folder what its options ask for, and takes it away again. */
export class VolumeMounter {
  readonly #host: Host;
  readonly #self: readonly string[];

  /** `self`: the command that runs hull again. */
  constructor(host: Host, self: readonly string[]) {
    this.#host = host;
    this.#self = self;
  }

  isMounted(volume: Volume): boolean {
    return (
      isMounting(volume.options) && this.#host.mounts.list().some((entry) => entry.target === volume.path)
    );
  }

  /** Fine when it is mounted, and for volumes without options. Rejects `volume-mount-failed` in Docker's words. */
  async mount(volume: Volume): Promise<void> {
    if (!isMounting(volume.options) || this.isMounted(volume)) return;
    const plan = await mountPlan(volume.options, async (name) => (await lookup(name)).address);
    const failure = await this.#attempt(plan, volume.path);
    if (failure === null) return;
    const said = `error while mounting volume '${volume.path}': failed to mount local volume: ${describe(plan, volume.path, failure)}`;
    throw new HullError('volume-mount-failed', withoutPassword(said, volume.options));
  }

  /** Fine when it is not mounted. */
  async unmount(volume: Volume): Promise<void> {
    if (this.isMounted(volume)) await this.#host.mounts.unmount(volume.path);
  }

  async #attempt(plan: MountPlan, target: string): Promise<MountFailure | null> {
    if (mayBlock(plan)) return await mountInProcess(this.#host.exec, this.#self, plan, target);
    try {
      carryOutMount(plan, target);
      return null;
    } catch (error) {
      if (error instanceof SyscallError) return { errno: error.errno };
      throw error;
    }
  }
}

/** As moby's mount package words it: `mount SOURCE:TARGET, flags: 0x1000, data: addr=…: no such device`. */
function describe({ source, flags, data }: MountPlan, target: string, failure: MountFailure): string {
  const parts = [
    `mount ${source}:${target}`,
    ...(flags === 0 ? [] : [`flags: 0x${flags.toString(16)}`]),
    ...(data === '' ? [] : [`data: ${data}`]),
  ];
  const why = 'message' in failure ? failure.message : errorText(failure.errno);
  return `${parts.join(', ')}: ${why}`;
}

function errorText(errno: number): string {
  return getSystemErrorMap().get(-errno)?.[1] ?? `errno ${errno}`;
}
