import { describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { COMPAT_PAGE, compatPage } from '../../scripts/compat-doc.ts';
import { dockerRoutes } from '../../src/http/docker/routes.ts';
import { Router } from '../../src/http/router.ts';
import { ROUTES, type RouteRow } from './data/routes.ts';
import { definition, NO_DEFINITION } from './support/definition.ts';
import { request } from './support/request.ts';
import { suiteEngine } from './support/suite.ts';

const { engine } = suiteEngine();
const nameOf = ({ method, path }: { method: string; path: string }) => `${method} ${path}`;

test('docs/docker-compatibility.md is what the tables say (bun scripts/compat-doc.ts writes it)', () => {
  expect(readFileSync(COMPAT_PAGE, 'utf8')).toBe(compatPage());
});

test.skipIf(NO_DEFINITION !== null)(
  'the table has the routes of the definition, each once (skipped where it is not beside the project)',
  () => {
    expect(ROUTES.map(nameOf)).toEqual((definition?.routes ?? []).map(nameOf));
  },
);

test('what is not full has a reason', () => {
  expect(
    ROUTES.filter(({ state, note }) => (state === 'full') !== (note === '') && state !== 'full'),
  ).toEqual([]);
});

describe('the engine knows each route, and refuses those that the table says it refuses', () => {
  const router = new Router(dockerRoutes);

  test.each(ROUTES.map((row) => [nameOf(row), row] as const))('%s', async (_name, row) => {
    const path = row.path.replaceAll(/\{\w+\}/g, 'nosuch');
    expect(router.find(row.method, path)).not.toBeNull();
    const { status, text } = await request(
      engine.socket,
      row.method,
      `${path}?${queryOf(row)}`,
      bodyOf(row),
      {
        headers: { Connection: 'close' },
      },
    );
    const refused = status === 501 || text.includes('swarm') || text.includes('plugin');
    expect([nameOf(row), status, text, refused]).toEqual([
      nameOf(row),
      status,
      text,
      row.state === 'refused',
    ]);
  });
});

/** So that the answer ends. */
function queryOf({ path }: RouteRow): string {
  return path === '/events' ? 'since=1&until=1' : '';
}

function bodyOf({ method }: RouteRow): unknown {
  return method === 'POST' || method === 'PUT' ? {} : undefined;
}
