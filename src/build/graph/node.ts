import type { Image } from '../../model/image.ts';
import type { InstructionNode } from '../parser/tree.ts';
import type { Word } from '../parser/words.ts';

/**
 * What is to be done, as a graph without cycles: each node stands for a file tree. Nodes are values; who holds a node holds all it depends on.
 *
 * ```
 * image ---> run ---> copy ---> workdir      (each adds at most one layer to its parent)
 *                      ^
 * context -------------+                     (or another stage's last node, or an image)
 * ```
 */
export type BuildNode = SourceNode | StepNode;
export type SourceNode = ImageNode | ScratchNode | ContextNode;
export type StepNode = RunNode | CopyNode | WorkdirNode;

/** An image's layers. */
export interface ImageNode {
  readonly kind: 'image';
  readonly image: Image;
}

/** No layers at all. */
export interface ScratchNode {
  readonly kind: 'scratch';
}

/** What the user sent along, `.dockerignore` applied. */
export interface ContextNode {
  readonly kind: 'context';
}

/** Where a step was written, for errors. */
export interface Origin {
  readonly instruction: InstructionNode;
  /** The step's number in the whole build, from 1. */
  readonly step: number;
}

export interface RunNode {
  readonly kind: 'run';
  readonly parent: BuildNode;
  readonly origin: Origin;
  /** Complete: the shell form has its shell. */
  readonly args: readonly string[];
  /** `NAME=value`, complete. */
  readonly env: readonly string[];
  /** `NAME=value` seen by the process, but no part of what it makes (proxies): not in the key. */
  readonly volatileEnv: readonly string[];
  readonly cwd: string;
  readonly user: string;
}

/** A path pattern among a copy's sources, with the word that it was written as. */
export interface CopyPattern {
  readonly path: string;
  readonly word: Word;
}

export interface CopyNode {
  readonly kind: 'copy';
  readonly parent: BuildNode;
  readonly origin: Origin;
  readonly from: BuildNode;
  readonly patterns: readonly CopyPattern[];
  /** Files whose content stands in the blueprint. */
  readonly documents: readonly { readonly name: string; readonly content: string }[];
  /** Absolute; a slash at the end means a folder. */
  readonly destination: string;
  /** `user[:group]`, names or numbers; null keeps what the source has (root for the context). */
  readonly owner: string | null;
  /** Permission bits for everything copied; null keeps the source's. */
  readonly mode: number | null;
  /** ADD: local archives are unpacked. */
  readonly unpack: boolean;
}

/** Makes a folder where there is none. */
export interface WorkdirNode {
  readonly kind: 'workdir';
  readonly parent: BuildNode;
  readonly origin: Origin;
  readonly path: string;
  readonly owner: string | null;
}
