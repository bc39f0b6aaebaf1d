import { existsSync } from 'node:fs';
import type { Host } from '../../host/host.ts';
import type { NetworkLink } from '../../model/bundle-network.ts';

/** The name of a link's tap inside the instance's own namespace. */
export function tapOf(index: number): string {
  return index === 0 ? 'hull-tap' : `hull-tap${index}`;
}

/**
 * Joins a tap to the instance's link, frame by frame in both directions, so that the guest takes the link's place: its MAC and IP address. The
 * namespace itself gives its address up. Redirecting at ingress happens before the namespace's own stack sees a frame, and keeps what the
 * sender left to hardware (checksums, segmentation) in the packet's metadata: the tap carries it to the guest and back in its virtio header.
 */
export async function joinTap(
  host: Pick<Host, 'exec' | 'namespaces'>,
  namespace: string,
  link: NetworkLink,
  tap: string,
): Promise<void> {
  const enter = host.namespaces.enterNet(namespace);
  const devices = [
    `tuntap add dev ${tap} mode tap vnet_hdr`,
    // The namespace must not speak for itself on either side.
    `link set dev ${tap} mtu ${link.mtu} addrgenmode none up`,
    `addr flush dev ${link.name}`,
  ];
  await host.exec.must([...enter, 'ip', '-batch', '-'], { input: `${devices.join('\n')}\n` });
  const redirects = [
    ...[`qdisc add dev ${link.name} ingress`, redirect(link.name, tap)],
    ...[`qdisc add dev ${tap} ingress`, redirect(tap, link.name)],
  ];
  await host.exec.must([...enter, 'tc', '-batch', '-'], { input: `${redirects.join('\n')}\n` });
}

/** u32 rather than matchall: every kernel that has `tc` filters at all has it. */
function redirect(from: string, to: string): string {
  return `filter add dev ${from} parent ffff: protocol all prio 1 u32 match u32 0 0 action mirred egress redirect dev ${to}`;
}

/** Gives the namespace its link back as it was. Fine when there is nothing, or no namespace any more. */
export async function removeTap(
  host: Pick<Host, 'exec' | 'namespaces'>,
  namespace: string,
  link: NetworkLink,
  tap: string,
): Promise<void> {
  if (!existsSync(namespace)) return;
  const enter = host.namespaces.enterNet(namespace);
  // Unlike `tuntap del`, this does not mind QEMU's descriptor being closed a moment after QEMU is gone.
  const steps = [
    `link del dev ${tap}`,
    `addr replace ${link.address}/${link.prefixLength} broadcast + dev ${link.name}`,
    ...(link.gateway === '' ? [] : [`route replace default via ${link.gateway} dev ${link.name}`]),
  ];
  await host.exec.run([...enter, 'tc', 'qdisc', 'del', 'dev', link.name, 'ingress']);
  await host.exec.run([...enter, 'ip', '-force', '-batch', '-'], { input: `${steps.join('\n')}\n` });
}
