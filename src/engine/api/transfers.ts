import type { RegistryCredentials } from '../../model/registry-credentials.ts';
import type { Digest, Image } from '../../model/image.ts';
import type { TransferSink } from '../../model/transfer.ts';

export type { RegistryCredentials } from '../../model/registry-credentials.ts';
export type { TransferProgress, TransferSink } from '../../model/transfer.ts';

export interface TransferOptions {
  /** Who asks; an empty object is nobody. */
  readonly credentials: RegistryCredentials;
  readonly onProgress: TransferSink;
  readonly signal?: AbortSignal;
}

export interface RemotePlatform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

export interface RemoteImage {
  readonly descriptor: { readonly mediaType: string; readonly digest: Digest; readonly size: number };
  readonly platforms: readonly RemotePlatform[];
}

export interface FoundRepository {
  readonly name: string;
  readonly description: string;
  readonly stars: number;
  readonly official: boolean;
}

export interface PushedTag {
  readonly tag: string;
  readonly digest: Digest;
  /** Bytes of the manifest. */
  readonly size: number;
}

/** Images from and to registries. What a registry refuses is rejected in the words of Docker's daemon: `image-not-found`, `registry-…`. */
export interface Transfers {
  /** `reference` with a tag or a digest; with neither, `latest`. `platform` as `linux/amd64`; the host's by default. */
  pull(reference: string, options: TransferOptions & { readonly platform?: string }): Promise<Image>;
  /** Every tag of a repository, in its registry. */
  pullAll(
    repository: string,
    options: TransferOptions & { readonly platform?: string },
  ): Promise<readonly Image[]>;
  /** `tag` null: every tag that the repository has here. `onPushed` after each. */
  push(
    repository: string,
    tag: string | null,
    options: TransferOptions & { readonly onPushed: (pushed: PushedTag) => void },
  ): Promise<void>;
  /** Rejects `registry-unauthorized` unless the registry takes the credentials. */
  login(credentials: RegistryCredentials, signal?: AbortSignal): Promise<void>;
  /** What a reference leads to in its registry. */
  describe(reference: string, credentials: RegistryCredentials, signal?: AbortSignal): Promise<RemoteImage>;
  /** A term that begins with a registry (`localhost:5000/web`) searches that one's list, any other Docker's hub. */
  search(
    term: string,
    limit: number,
    credentials: RegistryCredentials,
    signal?: AbortSignal,
  ): Promise<readonly FoundRepository[]>;
}
