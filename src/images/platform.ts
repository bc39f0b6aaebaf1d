import { HullError } from '../model/errors.ts';
import type { PlatformDescriptor } from './documents.ts';

/** In OCI's words. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

const ARCHITECTURES: Readonly<Record<string, string>> = {
  x64: 'amd64',
  ia32: '386',
  x86_64: 'amd64',
  aarch64: 'arm64',
};

/** What this host runs. */
export function hostPlatform(): Platform {
  return { os: 'linux', architecture: ARCHITECTURES[process.arch] ?? process.arch };
}

/** `linux/amd64`, `linux/arm64/v8`, `amd64`, as clients write it. Throws `invalid-argument`. */
export function parsePlatform(text: string): Platform {
  const parts = text.toLowerCase().split('/');
  if (parts.length > 3 || parts.some((part) => !/^[\w.-]+$/.test(part)))
    throw new HullError(
      'invalid-argument',
      `${JSON.stringify(text.slice(0, 100))} is no platform; write it as linux/amd64`,
    );
  const [first = '', second = '', variant] = parts;
  if (second === '') {
    if (first === 'linux') return hostPlatform();
    return { os: 'linux', architecture: ARCHITECTURES[first] ?? first };
  }
  const architecture = ARCHITECTURES[second] ?? second;
  return variant === undefined ? { os: first, architecture } : { os: first, architecture, variant };
}

export function platformText({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join('/');
}

/** The index's entry for a platform; entries that do not say theirs (attestations say `unknown`) only where there is no other. Null when none fits. */
export function choosePlatform(
  manifests: readonly PlatformDescriptor[],
  wanted: Platform,
): PlatformDescriptor | null {
  const fits = manifests.filter(({ platform }) => fitsPlatform(platform, wanted));
  const silent = manifests.filter(({ platform }) => platform.os === '' && platform.architecture === '');
  return fits[0] ?? (manifests.length === 1 ? silent[0] : undefined) ?? null;
}

/** Does what is made for `its` run where `wanted` does? A variant that either leaves open fits. */
export function fitsPlatform(its: Platform, wanted: Platform): boolean {
  return (
    its.os === wanted.os &&
    its.architecture === wanted.architecture &&
    (wanted.variant === undefined || its.variant === undefined || its.variant === wanted.variant)
  );
}
