import { writeFileSync } from 'node:fs';

/** What a host does not take from instances: addresses, routes, and the way of a packet. */
const IPV4 = { accept_redirects: '0', accept_source_route: '0' };
const IPV6 = { accept_ra: '0', autoconf: '0', accept_redirects: '0', accept_source_route: '0' };

/** The end of an instance's link on the host: a port of the bridge, which has no addresses of its own. */
export function hardenPort(link: string): void {
  write('ipv6', link, { disable_ipv6: '1', ...IPV6 });
  write('ipv4', link, IPV4);
}

/** A bridge, before it is up. `ipv6`: has the network IPv6? */
export function hardenBridge(link: string, ipv6: boolean): void {
  write('ipv6', link, { ...IPV6, disable_ipv6: ipv6 ? '0' : '1' });
  // Published ports are reached by 127.0.0.1: the firewall's chain `loopback_guard` closes what this would open.
  write('ipv4', link, { ...IPV4, route_localnet: '1' });
}

/** On this bridge the host is a router. */
export function forwardIpv6(link: string): void {
  write('ipv6', link, { forwarding: '1' });
}

/** A kernel without IPv6 has no such files, and a link may be gone again. */
function write(family: 'ipv4' | 'ipv6', link: string, settings: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(settings)) {
    try {
      writeFileSync(`/proc/sys/net/${family}/conf/${link}/${name}`, value);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
  }
}
