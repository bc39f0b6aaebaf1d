import { beforeAll, describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { definition, NO_DEFINITION, type DefinedRoute } from './support/definition.ts';
import { KNOWN_NAMES, requestTo, type GeneratedRequest } from './support/generated-request.ts';
import { request } from './support/request.ts';
import { suiteEngine } from './support/suite.ts';

const LONG = 120_000;
/** Requests to each route (more to look for failures at leisure), and for how long at most to all of them. */
const EACH = Number(process.env['HULL_COMPAT_REQUESTS'] ?? 12);
const ALL = EACH > 12 ? 600_000 : 60_000;
/** Answers without end are left after this. */
const PATIENCE = 1500;

/** What is refused on purpose, or is somebody else's failure: see docs/docker-compatibility.md. */
const ADMITTED_CODES = [
  'not-supported',
  'registry-unreachable',
  'registry-failed',
  'not-in-swarm',
  'swarm-inactive',
];

describe.skipIf(NO_DEFINITION !== null)(
  'generated requests at every route of the definition (skipped where it is not beside the project)',
  () => {
    const { engine, docker } = suiteEngine();
    const routes = definition?.routes ?? [];
    const deadline = { at: 0 };

    const prepare = async () => {
      const present = await docker.must(['ps', '-a', '--format', '{{.Names}} {{.State}}']);
      if (!present.includes('grun running')) {
        await docker.run(['rm', '-f', 'grun']);
        await docker.must([
          'run',
          '-d',
          '--name',
          'grun',
          '--stop-signal',
          'KILL',
          '--init',
          'busybox',
          'sleep',
          '1000',
        ]);
      }
      if (!present.includes('gdone')) await docker.must(['run', '--name', 'gdone', 'busybox', 'true']);
    };

    beforeAll(async () => {
      await docker.must(['tag', 'busybox', 'gkept']);
      await docker.must(['network', 'create', 'gnet']);
      await docker.must(['volume', 'create', 'gvol']);
      await prepare();
      deadline.at = Date.now() + ALL;
    }, LONG);

    test('the names that the requests use are there', () => {
      expect(KNOWN_NAMES).toContain('grun');
    });

    test.each(routes.map((route) => [`${route.method} ${route.path}`, route] as const))(
      '%s: no failure of the server',
      async (_name, route) => {
        const left = Math.max(200, deadline.at - Date.now());
        await fc.assert(
          fc.asyncProperty(requestTo(route), (made) => check(route, made)),
          { numRuns: EACH, interruptAfterTimeLimit: left, markInterruptAsFailure: false, endOnFailure: true },
        );
        // The image may have been deleted, by right.
        if ((await docker.run(['tag', 'gkept', 'busybox'])).code !== 0)
          await engine.must(['bootstrap', 'busybox']);
        await prepare();
      },
      LONG,
    );

    test('the engine is well, and nothing is left', async () => {
      expect((await request(engine.socket, 'GET', '/_ping')).text).toBe('OK');
      expect(readFileSync(engine.logPath, 'utf8')).not.toMatch(
        /unhandled|uncaught|TypeError|ReferenceError/i,
      );
      const ids = (await docker.must(['ps', '-aq'])).split('\n').filter((id) => id !== '');
      await docker.must(['rm', '-f', '-v', ...ids]);
      expect(await engine.findings()).toBe('');
    });

    async function check({ operation }: DefinedRoute, made: GeneratedRequest): Promise<void> {
      const answer = await request(engine.socket, made.method, made.path, made.body, {
        headers: made.headers,
        patience: PATIENCE,
      }).catch((error: unknown) => {
        // An answer that goes on, and one that waits for what never comes: both are an answer.
        if (ENDLESS.has(operation.operationId ?? '')) return null;
        throw error;
      });
      if (answer === null || answer.status < 500) return;
      const code = String(answer.headers['x-hull-error']);
      const swarm = answer.status === 503 && answer.text.includes('swarm');
      expect([made, answer.status, answer.text, swarm || ADMITTED_CODES.includes(code)]).toEqual([
        made,
        answer.status,
        answer.text,
        true,
      ]);
    }
  },
);

/** Operations that wait or go on by their nature. */
const ENDLESS = new Set([
  'ContainerAttach',
  'ContainerAttachWebsocket',
  'ContainerLogs',
  'ContainerStats',
  'ContainerStop',
  'ContainerRestart',
  'ContainerWait',
  'ExecStart',
  'ImageCreate',
  'ImagePush',
  'ImageSearch',
  'SystemAuth',
  'SystemEvents',
  'DistributionInspect',
]);
