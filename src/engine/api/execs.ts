import type { ProcessSpec, TerminalSize } from '../../model/instance.ts';
import type { Stdio } from '../../runtime/runtime.ts';

export interface ExecRequest {
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly workingDir?: string;
  readonly user?: string;
  readonly tty: boolean;
  readonly privileged: boolean;
  readonly attach: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean };
  readonly detachKeys?: string;
}

export interface ExecState {
  readonly id: string;
  readonly instanceId: string;
  readonly process: ProcessSpec;
  readonly request: ExecRequest;
  readonly running: boolean;
  readonly exitCode: number | null;
  readonly pid: number;
}

export interface Execs {
  create(nameOrId: string, request: ExecRequest): Promise<string>;
  /** Throws what `start` would refuse with: `exec-not-found`, `wrong-state`. */
  admitStart(execId: string): void;
  /** Null when detached. The output ends when the process has ended: `inspect` knows its status by then. */
  start(
    execId: string,
    options: { detach: boolean; tty?: boolean; size?: TerminalSize },
  ): Promise<Stdio | null>;
  inspect(execId: string): ExecState;
  /** Ids of an instance's execs that have not ended. */
  idsOf(instanceId: string): readonly string[];
  resize(execId: string, size: TerminalSize): Promise<void>;
}
