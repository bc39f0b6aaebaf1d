import type { OutputChunk } from '../runtime/runtime.ts';

/**
 * Docker's multiplexed stream: every piece of output is preceded by 8 bytes: the stream (0 stdin, 1 stdout, 2 stderr), three
 * zeros, and the length, big-endian (API reference, "Stream format" of attach).
 */
export type StreamName = 'stdout' | 'stderr';

const HEADER_BYTES = 8;
const STREAM_NUMBER: Readonly<Record<StreamName, number>> = { stdout: 1, stderr: 2 };

/** One frame around a chunk of output: in the chunk's own memory where it has room for the header. */
export function frameChunk({ stream, data, headroom = 0 }: OutputChunk): Uint8Array {
  if (headroom < HEADER_BYTES) return encodeFrame(stream, data);
  const frame = Buffer.from(data.buffer, data.byteOffset - HEADER_BYTES, HEADER_BYTES + data.byteLength);
  writeHeader(frame, stream, data.byteLength);
  return frame;
}

/** One frame; `prefix` (a time stamp) goes before the data, inside the frame. */
export function encodeFrame(stream: StreamName, data: Uint8Array, prefix = ''): Uint8Array {
  const prefixBytes = Buffer.byteLength(prefix);
  const length = prefixBytes + data.byteLength;
  const frame = Buffer.allocUnsafe(HEADER_BYTES + length);
  writeHeader(frame, stream, length);
  frame.write(prefix, HEADER_BYTES);
  frame.set(data, HEADER_BYTES + prefixBytes);
  return frame;
}

function writeHeader(frame: Buffer, stream: StreamName, length: number): void {
  frame.writeUInt32BE(STREAM_NUMBER[stream] * 0x1000000, 0);
  frame.writeUInt32BE(length, 4);
}
