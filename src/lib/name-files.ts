/** The texts of an instance's own /etc/hosts and /etc/resolv.conf. */

/** What every hosts file begins with, as Docker writes it. */
const COMMON_HOSTS = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::\tip6-localnet',
  'ff00::\tip6-mcastprefix',
  'ff02::1\tip6-allnodes',
  'ff02::2\tip6-allrouters',
];

/**
 * hosts(5). `extra`: `NAME:ADDRESS` as the user wrote it, the address in brackets or not; `host-gateway` means `gateway`. `own`: the instance's own
 * lines, see `ownHostsLines`.
 */
export function hostsText(extra: readonly string[], own: readonly string[], gateway: string): string {
  const asked = extra.flatMap((entry) => {
    const colon = entry.indexOf(':');
    const target = entry.slice(colon + 1).replace(/^\[(.*)\]$/, '$1');
    return colon > 0 ? [`${target === 'host-gateway' ? gateway : target}\t${entry.slice(0, colon)}`] : [];
  });
  return `${[...COMMON_HOSTS, ...asked, ...own].join('\n')}\n`;
}

/** One line for each address, the qualified name before the bare one. An instance without an address has one of the loopback network. */
export function ownHostsLines(
  hostname: string,
  domainname: string,
  addresses: readonly string[],
): readonly string[] {
  const full = [hostname, domainname].filter((part) => part !== '').join('.');
  const bare = full.split('.', 1).join('');
  const names = full === bare ? full : `${full} ${bare}`;
  return (addresses.length > 0 ? addresses : ['127.0.1.1']).map((address) => `${address}\t${names}`);
}

/** resolv.conf(5). A single `.` as the search list means none. */
export function resolvConfText(settings: {
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}): string {
  const { nameservers, search, options } = settings;
  const lines = nameservers.map((server) => `nameserver ${server}`);
  if (search.length > 0 && search[0] !== '.') lines.push(`search ${search.join(' ')}`);
  if (options.length > 0) lines.push(`options ${options.join(' ')}`);
  return `${lines.join('\n')}\n`;
}
