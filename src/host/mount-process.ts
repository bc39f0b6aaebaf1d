import type { Exec } from './host.ts';
import { SyscallError } from './libc.ts';
import { carryOutMount, type MountPlan } from './mount-plan.ts';
import { messageOf } from '../model/errors.ts';

/** Milliseconds that a server may take to answer a mount. */
const PATIENCE = 30_000;

/** How a mount failed: the kernel's error number, or words where there is none. */
export type MountFailure = { readonly errno: number } | { readonly message: string };

/** `hull internal mount PLAN TARGET`: the mount as a process of its own. The failure is printed as JSON. */
export function mountMain(argv: readonly string[]): number {
  const [plan = '', target = ''] = argv;
  try {
    carryOutMount(JSON.parse(plan) as MountPlan, target);
    return 0;
  } catch (error) {
    const failure: MountFailure =
      error instanceof SyscallError ? { errno: error.errno } : { message: messageOf(error) };
    process.stdout.write(`${JSON.stringify(failure)}\n`);
    return 1;
  }
}

/** Mounts without ever blocking this process: a server that does not answer costs a child process. Null: it is mounted. */
export async function mountInProcess(
  exec: Exec,
  self: readonly string[],
  plan: MountPlan,
  target: string,
): Promise<MountFailure | null> {
  const { code, stdout, stderr } = await exec.run(
    [...self, 'internal', 'mount', JSON.stringify(plan), target],
    { timeout: PATIENCE },
  );
  if (code === 0) return null;
  try {
    return JSON.parse(stdout) as MountFailure;
  } catch {
    const said = stderr.trim();
    return { message: said === '' ? `no answer within ${PATIENCE / 1000} seconds` : said.slice(-500) };
  }
}
