import { clientCases } from './support/client.ts';
import { suiteEngine } from './support/suite.ts';

const { engine } = suiteEngine();

clientCases({
  title: 'testcontainers',
  command: ['node', 'testcontainers.mjs'],
  engine,
  env: {
    // The reaper is an image from a registry: nothing to do with the engine, and the engine of this suite ends with it.
    TESTCONTAINERS_RYUK_DISABLED: 'true',
    // In a container itself, as the tests may be, it would take the gateway for the host.
    TESTCONTAINERS_HOST_OVERRIDE: '127.0.0.1',
    TESTCONTAINERS_REUSE_ENABLE: 'true',
  },
});
