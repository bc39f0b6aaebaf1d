import { ByteReader, type ByteSource, badResponse, connectionLost } from './byte-reader.ts';

/** A piece of a workload's output. A frame may come in several pieces. */
export interface OutputPiece {
  readonly stream: 'stdout' | 'stderr';
  readonly data: Uint8Array;
}

const HEADER = 8;
const PIECE = 256 * 1024;

/**
 * Docker's multiplexed stream (API specification, ContainerAttach, "Stream format"): frames of
 * `[type, 0, 0, 0, length as 32 bits big-endian]` and payload. Type 0 (stdin, echoed) counts as stdout; type 3 is an
 * error of the engine's own and is thrown. Throws `bad-response` on anything else.
 */
export async function* demultiplex(source: ByteSource): AsyncGenerator<OutputPiece, void> {
  const reader = new ByteReader(source);
  for (;;) {
    const header = await reader.exactly(HEADER, 'an output frame');
    if (header === null) return;
    const type = header[0] ?? 255;
    if (type > 3) throw badResponse(`an output frame has type ${type}`);
    let left = header.readUInt32BE(4);
    if (type === 3) throw await engineError(reader, left);
    while (left > 0) {
      const data = await reader.some(Math.min(left, PIECE));
      if (data === null) throw connectionLost('an output frame');
      left -= data.byteLength;
      yield { stream: type === 2 ? 'stderr' : 'stdout', data };
    }
  }
}

async function engineError(reader: ByteReader, length: number): Promise<Error> {
  const text = await reader.exactly(Math.min(length, 64 * 1024), 'an error frame');
  return new Error(`error from the engine in the stream: ${text?.toString() ?? ''}`);
}
