import type { Healthcheck } from '../../model/image.ts';
import type { Heredoc } from '../parser/heredoc.ts';
import type { InstructionNode } from '../parser/tree.ts';
import type { Word } from '../parser/words.ts';

/** Where an instruction comes from: its words are not expanded yet, so that its errors can show them as written. */
interface Written {
  readonly node: InstructionNode;
}

export interface From extends Written {
  readonly kind: 'from';
  /** Image reference, stage name or `scratch`. */
  readonly image: Word;
  /** Lower case. */
  readonly alias: string | null;
  readonly platform: Word | null;
}

/** A command: `exec` runs it as it is, `shell` is one string for the stage's shell. */
export type Command =
  | { readonly form: 'exec'; readonly args: readonly string[] }
  | { readonly form: 'shell'; readonly text: string };

export interface Run extends Written {
  readonly kind: 'run';
  readonly command: Command;
}

export interface Copy extends Written {
  readonly kind: 'copy' | 'add';
  readonly sources: readonly Word[];
  readonly destination: Word;
  /** Stage name or number, or an image. */
  readonly from: Word | null;
  readonly chown: Word | null;
  readonly chmod: Word | null;
  /** Files given inside the blueprint. */
  readonly documents: readonly Heredoc[];
}

export interface Pair {
  readonly name: Word;
  readonly value: Word;
}

export interface Pairs extends Written {
  readonly kind: 'env' | 'label';
  readonly pairs: readonly Pair[];
}

export interface Arg extends Written {
  readonly kind: 'arg';
  readonly args: readonly { readonly name: string; readonly value: Word | null; readonly word: Word }[];
}

export interface Value extends Written {
  readonly kind: 'workdir' | 'user' | 'stopsignal' | 'maintainer';
  readonly value: Word;
}

export interface Default extends Written {
  readonly kind: 'cmd' | 'entrypoint';
  readonly command: Command;
}

export interface Shell extends Written {
  readonly kind: 'shell';
  readonly args: readonly string[];
}

export interface Words extends Written {
  readonly kind: 'expose' | 'volume';
  readonly words: readonly Word[];
}

export interface HealthcheckInstruction extends Written {
  readonly kind: 'healthcheck';
  /** `Test` is complete except that the shell form has the text alone: the stage's shell runs it. */
  readonly healthcheck: Healthcheck;
}

export interface Onbuild extends Written {
  readonly kind: 'onbuild';
  /** The instruction, as the image's configuration keeps it. */
  readonly trigger: string;
}

export type Instruction =
  From | Run | Copy | Pairs | Arg | Value | Default | Shell | Words | HealthcheckInstruction | Onbuild;

/** Everything but FROM: what a stage consists of. */
export type StageInstruction = Exclude<Instruction, From>;
