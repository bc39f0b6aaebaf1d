import type { PacketSocket } from '../../host/host.ts';
import type { OutputChunk, Stdio } from '../runtime.ts';

/** First byte of each packet that conmon sends (conmon, utils.h: STDOUT_PIPE, STDERR_PIPE). */
const STDERR = 3;
/** conmon reads at most 8192 bytes of a packet and drops the rest. */
const MAX_INPUT = 8000;
/** Bytes of output in one chunk, about. */
const MAX_CHUNK = 256 * 1024;

/**
 * Stdio over conmon's attach socket: a packet is a stream's number and its bytes; what is written goes to stdin; half-close ends stdin.
 * `outputOnly`: leaving must not count as the end of stdin, so the connection stays and what comes is thrown away.
 */
export function attachedStdio(socket: PacketSocket, options: { tty: boolean; outputOnly: boolean }): Stdio {
  let left = false;
  const packets = socket.packets[Symbol.asyncIterator]();
  const gather = gatherer(socket, options.tty);
  return {
    output: {
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          if (left) return { done: true, value: undefined };
          const held = gather.takeHeld();
          if (held !== null) return { done: false, value: gather.from(held) };
          const result = await packets.next();
          if (result.done === true) return { done: true, value: undefined };
          return { done: false, value: gather.from(result.value) };
        },
      }),
    },
    write: async (data) => {
      for (let start = 0; start < data.length; start += MAX_INPUT)
        await socket.write(data.subarray(start, start + MAX_INPUT));
    },
    closeInput: async () => socket.end(),
    detach: () => {
      if (left) return;
      left = true;
      if (options.outputOnly) void drain(packets);
      else socket.close();
    },
  };
}

/** Packets of one stream that are here already become one chunk: what each costs on its way to the client is then paid once. */
function gatherer(
  socket: PacketSocket,
  tty: boolean,
): { takeHeld: () => Uint8Array | null; from: (first: Uint8Array) => OutputChunk } {
  let held: Uint8Array | null = null;
  return {
    takeHeld: () => {
      const packet = held;
      held = null;
      return packet;
    },
    from: (first) => {
      const pieces = [first.subarray(1)];
      for (let size = first.byteLength; size < MAX_CHUNK;) {
        const packet = socket.take();
        if (packet === null) break;
        if (packet[0] !== first[0]) {
          held = packet;
          break;
        }
        pieces.push(packet.subarray(1));
        size += packet.byteLength;
      }
      const data = pieces.length === 1 ? first.subarray(1) : Buffer.concat(pieces);
      return { stream: first[0] === STDERR && !tty ? 'stderr' : 'stdout', data };
    },
  };
}

async function drain(packets: AsyncIterator<Uint8Array>): Promise<void> {
  for (;;) if ((await packets.next()).done === true) return;
}

/** Output of a process that never ran: its words, then the end. */
export function spokenStdio(text: string): Stdio {
  return {
    output: (async function* () {
      yield { stream: 'stderr' as const, data: new TextEncoder().encode(`${text}\n`) };
    })(),
    write: async () => undefined,
    closeInput: async () => undefined,
    detach: () => undefined,
  };
}
