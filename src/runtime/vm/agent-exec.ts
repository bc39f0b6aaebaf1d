import { constants } from 'node:os';
import { HullError } from '../../model/errors.ts';
import type { Bundle, ExecSession, ExecSpec, Stdio } from '../runtime.ts';
import { type AgentClient, AgentRefusal } from './agent-client.ts';
import { processFields } from './agent-fields.ts';
import { FRAME } from './agent-protocol.ts';
import type { AgentStream } from './agent-stream.ts';
import { ChunkQueue } from './chunk-queue.ts';
import { capabilityMask } from './guest-configuration.ts';

/** What is reported for a process whose end nobody saw: the VM was killed. */
const KILLED = 137;

/** Runs a process beside the workload. One that cannot be started is a session that says why and ends with 126 or 127, as Docker's does. */
export async function execInGuest(agent: AgentClient, bundle: Bundle, spec: ExecSpec): Promise<ExecSession> {
  const privileged = spec.privileged || bundle.privileged;
  const payload = processFields(spec.process, {
    openStdin: spec.openStdin,
    capabilities: capabilityMask({ ...bundle, privileged }),
    init: false,
    attached: true,
    instance: bundle.options,
  });
  try {
    const { stream, pid } = await agent.openStream(FRAME.exec, payload);
    return {
      stdio: stdioOf(stream, spec.openStdin),
      pid,
      exited: stream.exited.then((status) => status ?? KILLED),
      resize: (size) => stream.resize(size),
      kill: () => agent.signal(stream.id, constants.signals.SIGKILL, false),
    };
  } catch (error) {
    if (!(error instanceof AgentRefusal)) throw error;
    if (error.exitStatus > 0) return failedSession(error);
    if (error.errno === constants.errno.ESRCH)
      throw new HullError('wrong-state', 'the workload does not run', { cause: error });
    throw new HullError('start-failed', `the guest cannot start the process: ${error.message}`, {
      cause: error,
    });
  }
}

function stdioOf(stream: AgentStream, givesInput: boolean): Stdio {
  return {
    output: stream.output,
    write: async (data) => {
      if (givesInput) await stream.write(data);
    },
    closeInput: async () => {
      if (givesInput) await stream.endInput();
    },
    detach: () => {
      // The connection that is lost here has nobody listening either.
      stream.detach().catch(() => undefined);
    },
  };
}

function failedSession(refusal: AgentRefusal): ExecSession {
  const output = new ChunkQueue();
  const text = `exec failed: ${refusal.message}`;
  output.push({ stream: 'stderr', data: Buffer.from(`${text}\n`) });
  output.end();
  const nothing = (): Promise<void> => Promise.resolve();
  return {
    stdio: { output, write: nothing, closeInput: nothing, detach: () => output.drop() },
    pid: 0,
    refusal: text,
    exited: Promise.resolve(refusal.exitStatus),
    resize: nothing,
  };
}
