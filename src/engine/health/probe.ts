import { goDuration } from '../../lib/go-duration.ts';
import { messageOf } from '../../model/errors.ts';
import type { HealthProbe } from '../../model/health.ts';
import type { InstanceConfig } from '../../model/instance.ts';
import type { ExecSession, Runtime, Stdio } from '../../runtime/runtime.ts';
import { within } from '../instances/endings.ts';
import { type HealthPlan, MAX_OUTPUT } from './health-plan.ts';

/** How a probe is told about. */
export interface ProbeEvents {
  started(): void;
  died(exitCode: number): void;
}

/** Runs the command inside, bounded in time and output. Never rejects. */
export async function probe(
  runtime: Runtime,
  config: InstanceConfig,
  plan: HealthPlan,
  events: ProbeEvents,
): Promise<HealthProbe> {
  const start = Date.now();
  const ended = (exitCode: number, output: string): HealthProbe => ({
    start,
    end: Date.now(),
    exitCode,
    output,
  });
  try {
    const process = { ...config.process, args: plan.command, tty: false };
    const session = await runtime.exec(config.id, {
      process,
      openStdin: false,
      privileged: config.privileged,
    });
    events.started();
    const output = new BoundedText();
    const read = output.collect(session.stdio);
    const code = await within(session.exited, plan.timeout / 1000);
    if (code === null) return ended(-1, await giveUp(session, plan, output, events));
    // The last of the output may come just after the end; what hangs on to it for longer is not waited for.
    await within(read, 1);
    session.stdio.detach();
    events.died(code);
    return ended(code, output.text);
  } catch (error) {
    return ended(-1, messageOf(error));
  }
}

async function giveUp(
  session: ExecSession,
  plan: HealthPlan,
  output: BoundedText,
  events: ProbeEvents,
): Promise<string> {
  await session.kill?.().catch(() => undefined);
  session.stdio.detach();
  events.died((await within(session.exited, 1)) ?? 137);
  const said = output.text === '' ? '' : `: ${output.text}`;
  return `Health check exceeded timeout (${goDuration(plan.timeout)})${said}`;
}

/** The beginning of an output; the rest is read and dropped, so that nobody waits for a reader. */
class BoundedText {
  #pieces: Uint8Array[] = [];
  #held = 0;
  #cut = false;

  async collect(stdio: Stdio): Promise<void> {
    try {
      for await (const { data } of stdio.output) {
        const room = data.subarray(0, MAX_OUTPUT - this.#held);
        if (room.length < data.length) this.#cut = true;
        if (room.length === 0) continue;
        this.#pieces.push(Uint8Array.from(room));
        this.#held += room.length;
      }
    } catch {
      // The connection broke: what came is what there is.
    }
  }

  get text(): string {
    return Buffer.concat(this.#pieces).toString('utf8') + (this.#cut ? '...' : '');
  }
}
