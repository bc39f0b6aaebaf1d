import { randomBytes } from 'node:crypto';
import type { EngineIdentity } from '../../src/model/engine-identity.ts';

/**
 * Who a test's engine is, in a folder of the test's own. The tag is drawn: two runs of the tests may be on one host, and files with one tag would find, use and
 * remove each other's control groups, bridges and rules. `data`, `tag`: where a second engine has to be taken for the first.
 */
export function testIdentity(
  folder: string,
  { data = `${folder}/data`, tag = randomBytes(2).toString('hex') }: { data?: string; tag?: string } = {},
): EngineIdentity {
  return { tag, dataDir: data, runDir: `${folder}/run` };
}
