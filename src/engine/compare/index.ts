import type { Host } from '../../host/host.ts';
import { availableMemory, dropPageCache, readMappings } from '../../host/process-memory.ts';
import { runGroup } from '../../host/process-group.ts';
import { readIsolation } from '../../host/process-isolation.ts';
import type { Comparison } from '../api.ts';
import { ComparisonService, type ComparisonParts } from './comparison.ts';

type Given = Pick<
  ComparisonParts,
  'identity' | 'instances' | 'execs' | 'images' | 'machines' | 'system' | 'imageDisk'
> & { readonly host: Host; readonly measureProgram: string };

/** The comparison over the real host. */
export function createComparison(given: Given): Comparison {
  return new ComparisonService({
    ...given,
    runProbe: runGroup,
    commandOf: (pid) => given.host.processes.command(pid),
    processes: { isolationOf: readIsolation, mappingsOf: readMappings, dropPageCache, availableMemory },
    program: given.measureProgram,
  });
}
