import { dlopen, FFIType } from 'bun:ffi';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { cString, Libc, SyscallError } from './libc.ts';
import { acknowledgements, addAddress, addDefaultRoute, concat, linkUp } from './rtnetlink.ts';

const CLONE_NEWNET = 0x4000_0000;
const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const LOOPBACK_INDEX = 1;

/** What a link inside a namespace gets. Addresses are four or sixteen bytes in network order. */
export interface LinkSetup {
  readonly name: string;
  readonly addresses: readonly { readonly address: Uint8Array; readonly prefixLength: number }[];
  /** Of default routes, at most one for each family. */
  readonly gateways: readonly Uint8Array[];
}

/** Configures links inside pinned namespaces. */
export interface NamespaceSetup {
  /** Brings loopback up, and the link (already moved in) with address and default route. Synchronous: about 0.2 ms. Throws a SyscallError. */
  configure(path: string, link: LinkSetup | null): void;
}

/**
 * Speaks route netlink itself: one process per namespace would cost 3 ms of a core for each instance, this costs 0.2 ms. The thread is in the
 * other namespace only while it opens the socket and writes the kernel settings, without giving way in between.
 */
export class NetlinkNamespaceSetup implements NamespaceSetup {
  readonly #libc = new Libc();
  readonly #socket = dlopen('libc.so.6', {
    if_nametoindex: { args: [FFIType.pointer], returns: FFIType.u32 },
    send: { args: [FFIType.i32, FFIType.pointer, FFIType.u64, FFIType.i32], returns: FFIType.i64 },
    recv: { args: [FFIType.i32, FFIType.pointer, FFIType.u64, FFIType.i32], returns: FFIType.i64 },
  }).symbols;

  configure(path: string, link: LinkSetup | null): void {
    const { socket, index } = this.#enter(path, link);
    try {
      const messages = [linkUp(1, LOOPBACK_INDEX)];
      if (link !== null) {
        const { addresses, gateways } = link;
        let sequence = 1;
        for (const { address, prefixLength } of addresses)
          messages.push(addAddress(++sequence, index, address, prefixLength));
        messages.push(linkUp(++sequence, index));
        for (const gateway of gateways) messages.push(addDefaultRoute(++sequence, gateway));
      }
      this.#exchange(socket, messages, path);
    } finally {
      this.#libc.symbols.close(socket);
    }
  }

  #enter(path: string, link: LinkSetup | null): { socket: number; index: number } {
    const home = openSync('/proc/thread-self/ns/net', 'r');
    try {
      const target = openSync(path, 'r');
      try {
        this.#libc.check('setns', this.#libc.symbols.setns(target, CLONE_NEWNET), path);
      } finally {
        closeSync(target);
      }
      try {
        const index = link === null ? 0 : this.#socket.if_nametoindex(cString(link.name));
        if (link !== null && index === 0)
          throw new SyscallError('if_nametoindex', this.#libc.errno(), `${link.name} in ${path}`);
        writeSettings(link?.name ?? null, link?.addresses.some(isIpv6) ?? false);
        return {
          socket: this.#libc.check(
            'socket',
            this.#libc.symbols.socket(AF_NETLINK, SOCK_RAW_CLOEXEC, 0),
            'netlink',
          ),
          index,
        };
      } finally {
        this.#libc.check('setns', this.#libc.symbols.setns(home, CLONE_NEWNET), 'back to the host');
      }
    } finally {
      closeSync(home);
    }
  }

  /** Sends all messages at once and reads until each is acknowledged. The kernel answers before send returns, so nothing ever waits. */
  #exchange(socket: number, messages: readonly Uint8Array[], what: string): void {
    const data = concat(messages);
    this.#libc.check('send', this.#socket.send(socket, data, BigInt(data.byteLength), 0), what);
    const buffer = new Uint8Array(8192);
    for (let pending = messages.length; pending > 0;) {
      const length = this.#libc.check(
        'recv',
        this.#socket.recv(socket, buffer, BigInt(buffer.byteLength), 0),
        what,
      );
      for (const { sequence, errno } of acknowledgements(buffer.subarray(0, length))) {
        if (errno !== 0) throw new SyscallError(`netlink message ${sequence}`, errno, what);
        pending -= 1;
      }
    }
  }
}

/** As Docker has them: any user may bind low ports and ping; no IPv6 on a link that has no IPv6 address yet. */
function writeSettings(link: string | null, ipv6: boolean): void {
  writeFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', '0');
  writeFileSync('/proc/sys/net/ipv4/ping_group_range', '0 2147483647');
  if (link === null) return;
  writeOptional(`/proc/sys/net/ipv6/conf/${link}/disable_ipv6`, ipv6 ? '0' : '1');
  // Address and route are the engine's to give.
  if (ipv6) writeOptional(`/proc/sys/net/ipv6/conf/${link}/accept_ra`, '0');
}

const isIpv6 = ({ address }: { readonly address: Uint8Array }): boolean => address.byteLength === 16;

/** A kernel without IPv6 has no such file. */
function writeOptional(path: string, value: string): void {
  try {
    writeFileSync(path, value);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
}
