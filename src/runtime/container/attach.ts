import type { PacketSocket } from '../../host/host.ts';
import { HEADROOM } from '../../host/packet-receiver.ts';
import type { OutputChunk, Stdio } from '../runtime.ts';

/** First byte of each packet that conmon sends (conmon, utils.h: STDOUT_PIPE, STDERR_PIPE). */
const STDERR = 3;
/** conmon reads at most 8192 bytes of a packet and drops the rest. */
const MAX_INPUT = 8000;

/**
 * Stdio over conmon's attach socket (opened with `join`): a packet is a stream's number and its bytes; what is written goes to stdin; half-close ends stdin.
 * `outputOnly`: leaving must not count as the end of stdin, so the connection stays and what comes is thrown away.
 */
export function attachedStdio(socket: PacketSocket, options: { tty: boolean; outputOnly: boolean }): Stdio {
  let left = false;
  const packets = socket.packets[Symbol.asyncIterator]();
  return {
    output: {
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          const result = left ? { done: true as const, value: undefined } : await packets.next();
          if (result.done === true) return { done: true, value: undefined };
          return { done: false, value: chunkOf(result.value, options.tty) };
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

function chunkOf(packet: Uint8Array, tty: boolean): OutputChunk {
  const stream = packet[0] === STDERR && !tty ? 'stderr' : 'stdout';
  return { stream, data: packet.subarray(1), headroom: HEADROOM };
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
