import type { MachineFile } from './machine-builder.ts';

export const NETWORK_UNIT = 'hull-network.service';

/**
 * Joins a machine to its instance's network: it has no agent, so the runtime names address, gateway, link, name servers and host name on the
 * kernel's command line (`hull.ip= hull.gw= hull.mac= hull.mtu= hull.dns= hull.hostname=`), and this runs before any network service.
 */
const SCRIPT = String.raw`#!/bin/sh
# Written by hull: takes the network's settings from the kernel's command line.
set -eu
address= gateway= mac= mtu=1500 servers= name=
for word in $(cat /proc/cmdline); do
  case $word in
    hull.ip=*) address=${'$'}{word#*=} ;;
    hull.gw=*) gateway=${'$'}{word#*=} ;;
    hull.mac=*) mac=${'$'}{word#*=} ;;
    hull.mtu=*) mtu=${'$'}{word#*=} ;;
    hull.dns=*) servers=${'$'}{word#*=} ;;
    hull.hostname=*) name=${'$'}{word#*=} ;;
  esac
done
if [ -n "$name" ]; then
  echo "$name" >/proc/sys/kernel/hostname
  echo "$name" >/etc/hostname
  printf '127.0.0.1 localhost\n::1 localhost ip6-localhost\n%s %s\n' "${'$'}{address%/*}" "$name" >/etc/hosts
fi
[ -n "$address" ] || exit 0
if [ -n "$servers" ]; then
  rm -f /etc/resolv.conf
  echo "$servers" | tr , '\n' | sed 's/^/nameserver /' >/etc/resolv.conf
fi
find_link() {
  for folder in /sys/class/net/*; do
    link=${'$'}{folder##*/}
    [ "$link" != lo ] || continue
    if [ -z "$mac" ] || [ "$(cat "$folder/address")" = "$mac" ]; then return 0; fi
  done
  return 1
}
tries=0
until find_link; do
  tries=$((tries + 1))
  [ $tries -lt 100 ] || { echo "no network link has the address $mac" >&2; exit 1; }
  sleep 0.1
done
ip link set lo up
ip link set "$link" mtu "$mtu" up
ip address replace "$address" dev "$link"
[ -z "$gateway" ] || ip route replace default via "$gateway" dev "$link"
`;

const UNIT = `[Unit]
Description=Network of the instance
DefaultDependencies=no
After=local-fs.target systemd-remount-fs.service
Before=network-pre.target network.target network-online.target
Wants=network.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/hull-network

[Install]
WantedBy=multi-user.target
`;

export const NETWORK_FILES: readonly MachineFile[] = [
  { path: '/usr/local/sbin/hull-network', mode: 0o755, text: SCRIPT },
  { path: `/etc/systemd/system/${NETWORK_UNIT}`, mode: 0o644, text: UNIT },
];
