/** Stands for a daemon that starts a container and is killed: reads `{identity, bundle}` from stdin, creates, starts, and kills itself. */
import { createHost } from '../../../src/host/index.ts';
import type { EngineIdentity } from '../../../src/model/engine-identity.ts';
import { createContainerRuntime } from '../../../src/runtime/container/index.ts';
import type { Bundle } from '../../../src/runtime/runtime.ts';

const { identity, bundle } = (await new Response(Bun.stdin.stream()).json()) as {
  identity: EngineIdentity;
  bundle: Bundle;
};
const runtime = createContainerRuntime({ host: createHost(), identity });
await runtime.create(bundle);
await runtime.start(bundle.id);
process.kill(process.pid, 'SIGKILL');
