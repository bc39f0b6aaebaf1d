export interface TcpAddress {
  /** A name or an address; IPv6 without brackets. */
  readonly hostname: string;
  readonly port: number;
}

/** `tcp://host:port`, `tcp://[::1]:port`; null when it is none. */
export function parseTcpUrl(url: string, defaultPort: number): TcpAddress | null {
  const match = /^tcp:\/\/(?:\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?\/?$/.exec(
    url,
  );
  const port = Number(match?.[3] ?? defaultPort);
  const hostname = match?.[1] ?? match?.[2];
  return hostname === undefined || port > 65_535 ? null : { hostname, port };
}

/** `host:port`, with brackets where the host is an IPv6 address. */
export function hostAndPort({ hostname, port }: TcpAddress): string {
  return hostname.includes(':') ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
