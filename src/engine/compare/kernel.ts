import type { SubjectKernel } from '../../model/comparison.ts';
import type { Place } from './inside.ts';
import { fieldsOf } from './throughput.ts';

const LONGEST_NAME = 200;

/** Which kernel answers inside, and whether it is the host's. */
export async function compareKernels(host: Place, here: Place): Promise<SubjectKernel> {
  return kernelOf(await here.measure(['kernel']), await host.measure(['kernel']));
}

/** The id of the boot decides: two kernels may call themselves the same. A kernel that has no such id is not Linux itself. Pure. */
export function kernelOf(insideLine: string, hostLine: string): SubjectKernel {
  const [inside, host] = [fieldsOf(insideLine), fieldsOf(hostLine)];
  const text = (name: string): string => {
    const value = inside[name];
    return typeof value === 'string' ? value.slice(0, LONGEST_NAME) : '';
  };
  const shared = typeof inside['bootId'] === 'string' && inside['bootId'] === host['bootId'];
  return { release: text('release'), version: text('version'), shared };
}
