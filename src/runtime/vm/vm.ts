import type { ExitStatus, TerminalSize } from '../../model/instance.ts';
import type { Bundle, ExecSession, ExecSpec, ProcessTable, Started, Stdio } from '../runtime.ts';
import type { GuestFiles } from './guest-files.ts';
import type { VmMonitor } from './monitor.ts';
import type { VmRecord } from './vm-record.ts';

/** Counters that only the guest knows; null for a machine, which has no agent. */
export interface GuestFacts {
  readonly memoryUsage: number;
  readonly memoryInactiveFile: number;
  readonly memoryTotal: number;
  readonly pids: number;
}

/** One VM as this daemon knows it. Two kinds: `AgentVm` runs an image under the guest agent, `MachineVm` boots an operating system. */
export interface Vm {
  /** Its limits change with `update`. */
  bundle: Bundle;
  readonly record: VmRecord;
  /** QEMU exists. */
  readonly alive: boolean;
  /** Started and not known to have ended. */
  readonly running: boolean;
  readonly exited: Promise<ExitStatus>;
  /** Its CPUs are stopped: no agent answers. */
  readonly paused: boolean;
  start(): Promise<Started>;
  adopt(): Promise<'created' | 'running' | 'exited'>;
  attach(givesInput: boolean): Stdio;
  signal(signal: number, all: boolean): Promise<void>;
  exec(spec: ExecSpec): Promise<ExecSession>;
  resize(size: TerminalSize): Promise<void>;
  guestFacts(): Promise<GuestFacts | null>;
  processes(psArgs: readonly string[]): Promise<ProcessTable>;
  /** Rejects `not-supported` for a machine, which has no agent. */
  files(): Promise<GuestFiles>;
  readonly monitor: VmMonitor;
  /** Says that the CPUs were stopped, or go on: then signals that came meanwhile are delivered. */
  setPaused(paused: boolean): Promise<void>;
  /** Lets the connections go; the VM goes on. */
  close(): void;
}
