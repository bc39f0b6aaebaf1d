import { dlopen, FFIType } from 'bun:ffi';

/** glibc's struct termios is 60 bytes on the 64-bit machines that hull runs on; room to spare. */
const TERMIOS_BYTES = 128;
const TCSADRAIN = 1;

/**
 * Makes a terminal raw (cfmakeraw) and returns what restores it. Not `setRawMode`: that leaves the output's newline
 * conversion on, which full-screen programs inside an instance trip over. Throws where the descriptor is no terminal.
 */
export function makeRaw(descriptor: number): () => void {
  const { i32, pointer } = FFIType;
  const { symbols } = dlopen('libc.so.6', {
    tcgetattr: { args: [i32, pointer], returns: i32 },
    tcsetattr: { args: [i32, i32, pointer], returns: i32 },
    cfmakeraw: { args: [pointer], returns: FFIType.void },
  });
  const before = new Uint8Array(TERMIOS_BYTES);
  if (symbols.tcgetattr(descriptor, before) !== 0)
    throw new Error(`descriptor ${descriptor} is not a terminal`);
  const raw = before.slice();
  symbols.cfmakeraw(raw);
  if (symbols.tcsetattr(descriptor, TCSADRAIN, raw) !== 0) throw new Error(`the terminal cannot be made raw`);
  return () => void symbols.tcsetattr(descriptor, TCSADRAIN, before);
}
