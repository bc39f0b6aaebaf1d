import { blueprintError } from '../parser/source.ts';
import { positionOf, type InstructionNode } from '../parser/tree.ts';
import { flagValue, notSupported, readFlags } from './flags.ts';
import type { Copy, Run } from './instruction.ts';

/** RUN, in exec form, shell form, or with documents for the shell. */
export function readRun(node: InstructionNode): Run {
  readFlags(node, []);
  if (node.json) {
    if (node.args.length === 0) throw blueprintError(node.source, positionOf(node), 'RUN [] has no command');
    return { kind: 'run', node, command: { form: 'exec', args: node.args.map((word) => word.text) } };
  }
  const line = node.args[0]?.text ?? '';
  if (line === '') throw blueprintError(node.source, positionOf(node), 'RUN needs a command');
  return { kind: 'run', node, command: { form: 'shell', text: withDocuments(node, line) } };
}

/** `RUN <<EOF` alone is a script; otherwise the shell itself gets line and documents, and reads them as it always does. */
function withDocuments(node: InstructionNode, line: string): string {
  const [only, ...more] = node.heredocs;
  if (only === undefined) return line;
  if (more.length === 0 && line === only.word.text && only.descriptor === '') {
    if (only.content.startsWith('#!')) {
      throw notSupported(
        node,
        only.word,
        'a document with an interpreter line (#!) is not supported here yet; name the interpreter: RUN python3 <<EOF',
      );
    }
    return only.content;
  }
  return `${line}\n${node.heredocs.map((document) => `${document.content}${document.name}\n`).join('')}`;
}

/** COPY and ADD: sources, then the destination. */
export function readCopy(node: InstructionNode, kind: 'copy' | 'add'): Copy {
  const flags = readFlags(
    node,
    kind === 'copy' ? ['from', 'chown', 'chmod', 'link'] : ['chown', 'chmod', 'link'],
  );
  const words = new Set(node.heredocs.map((document) => document.word.offset));
  const destination = node.args.at(-1);
  if (destination === undefined || node.args.length < 2) {
    throw blueprintError(
      node.source,
      positionOf(node),
      `${kind.toUpperCase()} needs at least one source and a destination`,
    );
  }
  if (words.has(destination.offset) && node.heredocs.length > 0) {
    throw blueprintError(node.source, positionOf(node, destination), 'the destination cannot be a document');
  }
  const sources = node.args.slice(0, -1).filter((word) => node.json || !words.has(word.offset));
  const from = flagValue(node, flags, 'from');
  if (from !== null && node.heredocs.length > 0) {
    throw blueprintError(
      node.source,
      positionOf(node, from),
      'documents (<<) cannot be combined with --from',
    );
  }
  const remote = sources.find(
    (word) => kind === 'add' && /^(?:https?|ftp|git|ssh):\/\/|^git@/u.test(word.text),
  );
  if (remote !== undefined) {
    throw notSupported(
      node,
      remote,
      'ADD from the network is not supported yet; download the file into the context, or use RUN',
    );
  }
  return {
    kind,
    node,
    sources,
    destination,
    from,
    chown: flagValue(node, flags, 'chown'),
    chmod: flagValue(node, flags, 'chmod'),
    documents: node.heredocs,
  };
}
