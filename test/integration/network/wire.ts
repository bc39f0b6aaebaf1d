/**
 * Frames on a link, past every table of the sender's: `send LINK HEX…` sends them; `hear LINK` prints `ready`, then every frame that arrives, in
 * hexadecimal, until its standard input ends. Needs CAP_NET_RAW.
 */
import { dlopen, FFIType, ptr } from 'bun:ffi';

const AF_PACKET = 17;
const SOCK_RAW = 3;
const ETH_P_ALL = 0x0003;
const MSG_DONTWAIT = 0x40;
const PACKET_OUTGOING = 4;
const { i32, u32, u64, i64, pointer } = FFIType;
const libc = dlopen('libc.so.6', {
  socket: { args: [i32, i32, i32], returns: i32 },
  bind: { args: [i32, pointer, u32], returns: i32 },
  sendto: { args: [i32, pointer, u64, i32, pointer, u32], returns: i64 },
  recvfrom: { args: [i32, pointer, u64, i32, pointer, pointer], returns: i64 },
  if_nametoindex: { args: [pointer], returns: u32 },
}).symbols;

/** struct sockaddr_ll (packet(7)). */
function address(link: string): Uint8Array {
  const index = libc.if_nametoindex(ptr(Buffer.from(`${link}\0`)));
  if (index === 0) throw new Error(`no link ${link}`);
  const bytes = new Uint8Array(20);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_PACKET, true);
  view.setUint16(2, ETH_P_ALL, false);
  view.setInt32(4, index, true);
  return bytes;
}

const [command = '', link = '', ...frames] = process.argv.slice(2);
const socket = libc.socket(AF_PACKET, SOCK_RAW, 0);
if (socket < 0) throw new Error('no packet socket: CAP_NET_RAW is missing');
const at = address(link);
if (command === 'send') {
  for (const frame of frames) {
    const data = Buffer.from(frame, 'hex');
    const sent = libc.sendto(socket, ptr(data), BigInt(data.byteLength), 0, ptr(at), at.byteLength);
    if (Number(sent) !== data.byteLength) throw new Error(`the frame ${frame} was not sent`);
  }
} else {
  if (libc.bind(socket, ptr(at), at.byteLength) !== 0) throw new Error('cannot bind');
  const buffer = new Uint8Array(65_536);
  const from = new Uint8Array(20);
  const drain = () => {
    for (;;) {
      const length = new Uint32Array([from.byteLength]);
      const got = libc.recvfrom(
        socket,
        ptr(buffer),
        BigInt(buffer.byteLength),
        MSG_DONTWAIT,
        ptr(from),
        ptr(length),
      );
      if (Number(got) <= 0) return;
      if (from[10] !== PACKET_OUTGOING)
        console.log(Buffer.from(buffer.subarray(0, Number(got))).toString('hex'));
    }
  };
  console.log('ready');
  const timer = setInterval(drain, 5);
  await Bun.stdin.text();
  clearInterval(timer);
  drain();
}
process.exit(0);
