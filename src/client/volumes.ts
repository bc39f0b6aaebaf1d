import type {
  VolumeCreateRequest,
  VolumeList,
  VolumePruneResponse,
  VolumeResource,
} from '../../api/docker.ts';
import type {
  VolumeCopyRequest,
  VolumeSnapshot,
  VolumeSnapshotList,
  VolumeSnapshotRequest,
} from '../../api/native.ts';
import type { Caller } from './caller.ts';

/** `/volumes` of the Docker Engine API, and what Docker has no word for. */
export class Volumes {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  async list(query: { filters?: string | undefined } = {}): Promise<readonly VolumeResource[]> {
    return (await this.#caller.json<VolumeList>('GET', '/volumes', { query })).Volumes;
  }

  create(json: VolumeCreateRequest): Promise<VolumeResource> {
    return this.#caller.json('POST', '/volumes/create', { json });
  }

  inspect(name: string): Promise<VolumeResource> {
    return this.#caller.json('GET', `/volumes/${encodeURIComponent(name)}`);
  }

  async remove(name: string, query: { force: boolean }): Promise<void> {
    await this.#caller.done('DELETE', `/volumes/${encodeURIComponent(name)}`, { query });
  }

  prune(query: { filters?: string | undefined } = {}): Promise<VolumePruneResponse> {
    return this.#caller.json('POST', '/volumes/prune', { query });
  }

  async rename(volume: string, name: string): Promise<void> {
    const json: VolumeCopyRequest = { name };
    await this.#caller.done('POST', native(volume, 'rename'), { json });
  }

  async clone(volume: string, name: string, options: { live: boolean }): Promise<void> {
    const json: VolumeCopyRequest = { name, ...options };
    await this.#caller.done('POST', native(volume, 'clone'), { json });
  }

  snapshot(volume: string, name: string | undefined, options: { live: boolean }): Promise<VolumeSnapshot> {
    const json: VolumeSnapshotRequest = { ...(name === undefined ? {} : { name }), ...options };
    return this.#caller.json('POST', native(volume, 'snapshots'), { json });
  }

  async snapshots(volume?: string): Promise<readonly VolumeSnapshot[]> {
    const answer = await this.#caller.json<VolumeSnapshotList>('GET', '/hull/v1/snapshots', {
      query: { volume },
    });
    return answer.snapshots;
  }

  async restore(volume: string, name: string): Promise<void> {
    await this.#caller.done('POST', `${native(volume, 'snapshots')}/${encodeURIComponent(name)}/restore`);
  }

  async removeSnapshot(volume: string, name: string): Promise<void> {
    await this.#caller.done('DELETE', `${native(volume, 'snapshots')}/${encodeURIComponent(name)}`);
  }
}

function native(volume: string, what: string): string {
  return `/hull/v1/volumes/${encodeURIComponent(volume)}/${what}`;
}
