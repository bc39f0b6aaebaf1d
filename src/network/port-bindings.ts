import { HullError } from '../model/errors.ts';
import type { PortBinding } from '../model/instance.ts';
import { ANY_ADDRESS, ANY_ADDRESS_6 } from './nft.ts';

/** Where ports can lead. */
export interface PublishingPlace {
  /** Has the instance an IPv6 address there? */
  readonly ipv6: boolean;
  /** The network's own default for the host address; empty for all. */
  readonly address: string;
}

/**
 * What was asked for, one binding for each address family: without a host address, all of IPv4, and all of IPv6 where the instance has an address
 * of that family (the firewall leads packets on, it does not translate between families). Pure. Throws `not-supported`.
 */
export function expandBindings(asked: readonly PortBinding[], place: PublishingPlace): PortBinding[] {
  return asked.flatMap((binding): PortBinding[] => {
    if (binding.hostIp.includes(':')) {
      if (place.ipv6) return [binding];
      throw new HullError(
        'not-supported',
        `cannot publish [${binding.hostIp}]:${binding.hostPort}/${binding.protocol}: the instance has no IPv6 address; connect it to a network that was made with --ipv6`,
      );
    }
    if (binding.hostIp !== '') return [binding];
    if (place.address !== '' && place.address !== ANY_ADDRESS) return [{ ...binding, hostIp: place.address }];
    const ipv4 = { ...binding, hostIp: ANY_ADDRESS };
    return place.ipv6 ? [ipv4, { ...binding, hostIp: ANY_ADDRESS_6 }] : [ipv4];
  });
}
