/** One side of a copy. */
export type Operand =
  | { readonly kind: 'instance'; readonly instance: string; readonly path: string }
  | { readonly kind: 'local'; readonly path: string }
  /** A tar on standard input or output. */
  | { readonly kind: 'stream' };

/** Docker's rule: `NAME:PATH` is an instance's, but for what begins with a slash or a dot; `-` is a stream. */
export function readOperand(text: string): Operand {
  if (text === '-') return { kind: 'stream' };
  const colon = text.indexOf(':');
  if (colon <= 0 || text.startsWith('/') || text.startsWith('.')) return { kind: 'local', path: text };
  return { kind: 'instance', instance: text.slice(0, colon), path: text.slice(colon + 1) };
}
