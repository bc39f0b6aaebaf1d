/** Proxy settings that every RUN may have without an ARG; they never count for the cache. */
export const PROXY_ARGS: readonly string[] = [
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'FTP_PROXY',
  'NO_PROXY',
  'ALL_PROXY',
].flatMap((name) => [name, name.toLowerCase()]);

/** Args that need no ARG instruction to count as used. */
export const SILENT_ARGS: ReadonlySet<string> = new Set([
  ...PROXY_ARGS,
  'SOURCE_DATE_EPOCH',
  'BUILDKIT_INLINE_CACHE',
]);

export interface Platform {
  readonly os: string;
  /** As OCI and Go name it: amd64, arm64. */
  readonly architecture: string;
}

/** TARGETPLATFORM and its relatives: global, as Docker has them; a stage sees them when it says `ARG TARGETARCH`. */
export function platformArgs(platform: Platform): ReadonlyMap<string, string> {
  const { os, architecture } = platform;
  const all = ['TARGET', 'BUILD'].flatMap((prefix): [string, string][] => [
    [`${prefix}PLATFORM`, `${os}/${architecture}`],
    [`${prefix}OS`, os],
    [`${prefix}ARCH`, architecture],
    [`${prefix}VARIANT`, ''],
  ]);
  return new Map(all);
}

/** The host's own platform. `nodeArchitecture`: as `process.arch` has it. */
export function platformOf(nodeArchitecture: string): Platform {
  const names: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };
  return { os: 'linux', architecture: names[nodeArchitecture] ?? nodeArchitecture };
}

/** An environment list as a map; the last of a name counts. */
export function environmentMap(env: readonly string[]): Map<string, string> {
  return new Map(
    env.map((entry) => {
      const sign = entry.indexOf('=');
      return sign < 0 ? [entry, ''] : [entry.slice(0, sign), entry.slice(sign + 1)];
    }),
  );
}

export function environmentList(variables: ReadonlyMap<string, string>): string[] {
  return [...variables].map(([name, value]) => `${name}=${value}`);
}
