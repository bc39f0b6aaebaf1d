import { beforeAll, describe, expect, test } from 'bun:test';
import { request } from './support/request.ts';
import { definition, NO_DEFINITION, type DefinedRoute } from './support/definition.ts';
import { AnswerSchemas } from './support/json-schema.ts';
import { suiteEngine } from './support/suite.ts';

/** What is said otherwise than the definition, by Docker's daemon as well unless a reason is given. */
const AS_DOCKER: readonly RegExp[] = [
  // Null until it has ended; null where nobody asked for one.
  /^\/ExitCode must be integer$/,
  /^\/HostConfig\/MemorySwappiness must be integer$/,
  // Docker has isolations on Windows alone; this one is ours.
  /^\/HostConfig\/Isolation must be equal to one of the allowed values$/,
];

describe.skipIf(NO_DEFINITION !== null)(
  'answers have the shape of the definition (skipped where it is not beside the project)',
  () => {
    const { engine, docker } = suiteEngine();
    const schemas = definition === null ? null : new AnswerSchemas();
    const routes = definition?.routes ?? [];

    beforeAll(async () => {
      await docker.must(['network', 'create', '--subnet', '10.188.0.0/24', '--label', 'a=b', 'snet']);
      await docker.must(['volume', 'create', '--label', 'a=b', 'svol']);
      const options = ['-p', '127.0.0.1::80', '-v', 'svol:/v', '-m', '64m', '--ulimit', 'nofile=100:100'];
      const health = ['--health-cmd', 'true', '--health-interval', '1s', '--restart', 'on-failure:2'];
      await docker.must([
        'run',
        '-d',
        '--name',
        'srun',
        '--stop-signal',
        'KILL',
        '--network',
        'snet',
        ...options,
        ...health,
        'busybox',
        'sleep',
        '1000',
      ]);
      await docker.must(['run', '--name', 'sdone', 'busybox', 'sh', '-c', 'echo x > /made']);
    }, 60_000);

    const exec = async () => {
      const made = await request(engine.socket, 'POST', '/containers/srun/exec', { Cmd: ['true'] });
      return (JSON.parse(made.text) as { Id: string }).Id;
    };

    test.each<[route: string, ask: string]>([
      ['GET /containers/json', '?all=1&size=1'],
      ['GET /containers/{id}/json', 'srun?size=1'],
      ['GET /containers/{id}/json', 'sdone'],
      ['GET /containers/{id}/top', 'srun'],
      ['GET /containers/{id}/changes', 'sdone'],
      ['GET /containers/{id}/stats', 'srun?stream=0'],
      ['GET /containers/{id}/stats', 'sdone?stream=0&one-shot=1'],
      ['POST /containers/{id}/wait', 'sdone'],
      ['POST /containers/{id}/update', 'srun'],
      ['GET /containers/{id}/json', 'nobody'],
      ['GET /images/json', '?all=1&shared-size=1'],
      ['GET /images/{name}/json', 'busybox'],
      ['GET /images/{name}/history', 'busybox'],
      ['GET /images/{name}/json', 'nosuch'],
      ['GET /info', ''],
      ['GET /version', ''],
      ['GET /system/df', ''],
      ['GET /volumes', ''],
      ['GET /volumes/{name}', 'svol'],
      ['POST /volumes/create', ''],
      ['GET /networks', ''],
      ['GET /networks/{id}', 'snet'],
      ['GET /networks/{id}', 'bridge'],
      ['GET /plugins', ''],
      ['GET /exec/{id}/json', '{exec}'],
      ['POST /containers/create', ''],
      ['POST /networks/create', ''],
      ['POST /containers/prune', ''],
      ['POST /images/prune', ''],
      ['POST /volumes/prune', ''],
      ['POST /networks/prune', ''],
      ['POST /build/prune', ''],
      ['GET /swarm', ''],
      ['GET /nodes', ''],
      ['POST /commit', '?container=srun&repo=scommitted'],
      ['DELETE /images/{name}', 'scommitted'],
    ])('%s %s', async (name, ask) => {
      const route = routeOf(routes, name);
      const path = ask.includes('{exec}') ? ask.replace('{exec}', await exec()) : ask;
      const answer = await request(engine.socket, route.method, addressOf(route, path), bodyOf(name));
      const validate = schemas?.of(route, answer.status);
      expect([name, answer.status, validate === null ? 'not in the definition' : '']).toEqual([
        name,
        answer.status,
        '',
      ]);
      if (validate === null || validate === undefined) return;
      const failures = schemas?.failures(validate, JSON.parse(answer.text)) ?? [];
      expect(failures.filter((failure) => !AS_DOCKER.some((known) => known.test(failure)))).toEqual([]);
    });

    test('each event', async () => {
      const until = Math.ceil(Date.now() / 1000) + 1;
      const answer = await request(engine.socket, 'GET', `/events?since=1&until=${until}`);
      const validate = schemas?.of(routeOf(routes, 'GET /events'), 200);
      const events = answer.text.trim().split('\n');
      expect(events.length).toBeGreaterThan(5);
      if (validate === null || validate === undefined)
        throw new Error('the definition has no shape of events');
      expect(events.flatMap((line) => schemas?.failures(validate, JSON.parse(line)) ?? [])).toEqual([]);
    });
  },
);

function routeOf(routes: readonly DefinedRoute[], name: string): DefinedRoute {
  const found = routes.find(({ method, path }) => `${method} ${path}` === name);
  if (found === undefined) throw new Error(`the definition has no ${name}`);
  return found;
}

/** `ask` is the value of the path's parameter, if it has one, and the query. */
function addressOf({ path }: DefinedRoute, ask: string): string {
  const [value = '', query = ''] = ask.split('?');
  return `${path.replace(/\{\w+\}/, value)}?${query}`;
}

function bodyOf(name: string): unknown {
  switch (name) {
    case 'POST /containers/create':
      return { Image: 'busybox', Cmd: ['true'] };
    case 'POST /networks/create':
      return { Name: 'smade' };
    case 'POST /containers/{id}/update':
    case 'POST /volumes/create':
    case 'POST /commit':
      return {};
    default:
      return undefined;
  }
}
