import type { Host } from '../../host/host.ts';
import { isHullError } from '../../model/errors.ts';
import type { ExecSession, ExecSpec, Stdio } from '../runtime.ts';
import { attachedStdio, spokenStdio } from './attach.ts';
import { type Conmon, runFiles } from './conmon.ts';
import { OciRuntimeError } from './oci-runtime.ts';
import { explainRefusal, unsupported } from './refusal.ts';

/** Killed with its container before it could tell. */
const KILLED = 137;
const SIGKILL = 9;

export interface ExecRun {
  readonly host: Host;
  readonly conmon: Conmon;
  /** Of the container. */
  readonly id: string;
  /** Of this session; removed at its end. */
  readonly folder: string;
  readonly spec: ExecSpec;
  /** Writes `process.json` into the folder. */
  readonly prepare: () => void;
}

/** Runs a process in a running container, under a monitor of its own: it survives the daemon as the container does. */
export async function runExec({ host, conmon, id, folder, spec, prepare }: ExecRun): Promise<ExecSession> {
  const { tty } = spec.process;
  const clean = () => host.files.removeTree(folder).catch(() => undefined);
  let stdio: Stdio | null = null;
  const running = Promise.withResolvers<number>();
  const attach = async () => {
    const socket = await host.sockets.connectPackets(`${folder}/${runFiles.attach}`, {
      join: true,
      // Else the monitor, which waits for the reader, would not see that the process has ended.
      slows: async (signal) => host.processes.gone(await running.promise, signal),
    });
    stdio = attachedStdio(socket, { tty, outputOnly: false });
  };
  try {
    prepare();
    const monitor = { id, name: 'exec', runDir: folder, tty, stdin: spec.openStdin, keepStdin: false };
    const { pid, ended } = await conmon.exec(monitor, attach);
    running.resolve(pid);
    const exited = ended.then((code) => {
      void clean();
      return code ?? KILLED;
    });
    return {
      stdio: stdio ?? spokenStdio(''),
      pid,
      exited,
      resize: async (size) => conmon.resize(folder, size),
      kill: async () => void host.processes.kill(pid, SIGKILL),
    };
  } catch (error) {
    void clean();
    const impossible = error instanceof OciRuntimeError ? unsupported(error.message) : null;
    if (impossible !== null) throw impossible;
    const refusal = refusalOf(error, spec.process.args);
    if (refusal === null) throw error;
    return {
      stdio: spokenStdio(refusal.text),
      pid: 0,
      refusal: refusal.text,
      exited: Promise.resolve(refusal.exitCode),
      resize: async () => undefined,
    };
  }
}

function refusalOf(error: unknown, args: readonly string[]): { exitCode: number; text: string } | null {
  if (error instanceof OciRuntimeError) {
    const { exitCode, text } = explainRefusal(error.message, args);
    return { exitCode, text: `exec failed: ${text}` };
  }
  return isHullError(error, 'start-failed') ? { exitCode: 126, text: error.message } : null;
}
