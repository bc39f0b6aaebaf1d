import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { concat } from '../../src/lib/streams.ts';
import { encodeHeader, TAR_END } from '../../src/lib/tar/encode.ts';
import { paddingOf } from '../../src/lib/tar/types.ts';
import { TestEngine } from '../support/engine.ts';
import { stoodStill } from '../support/standstill.ts';
import { RawHttp, type RawAnswer } from './support/raw-http.ts';

/** Requests that nobody means well: each is refused by name, or done, and none makes the daemon's event loop stand still. */
const engine = new TestEngine({ watched: true });
const http = new RawHttp(engine.socket);
const LONG = 60_000;
let seen = 0;

beforeAll(async () => {
  await engine.start();
  await engine.must(['bootstrap', 'busybox']);
  seen = engine.standstills().length;
}, LONG);
afterEach(() => {
  const news = engine.standstills().slice(seen);
  seen += news.length;
  expect(stoodStill(news) ? news : []).toEqual([]);
});
afterAll(() => engine.destroy(), LONG);

const create = (body: object): Promise<RawAnswer> =>
  http.json('POST', '/containers/create', { Image: 'busybox', ...body });
const many = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));
const mapOf = <T>(count: number, make: (index: number) => [string, T]): Record<string, T> =>
  Object.fromEntries(many(count, make));

/** What a client is told, or the whole answer where it is no refusal. */
function said(answer: RawAnswer): string {
  const message = /"message":"((?:[^"\\]|\\.)*)"/.exec(answer.text)?.[1];
  return `${answer.status} ${message ?? answer.text}`.slice(0, 300);
}

describe('create refuses what nobody asks for', () => {
  const cases: Readonly<Record<string, readonly [object, RegExp]>> = {
    labels: [{ Labels: mapOf(700_000, (index) => [`l${index}`, '']) }, /^400 .*(larger|entries|values)/],
    'more labels than are allowed': [
      { Labels: mapOf(5000, (index) => [`l${index}`, '']) },
      /^400 .*Labels.*4096/,
    ],
    binds: [
      { HostConfig: { Binds: many(200_000, (index) => `/tmp:/b${index}`) } },
      /^400 .*(larger|entries|values)/,
    ],
    'more binds than are allowed': [
      { HostConfig: { Binds: many(5000, (index) => `/tmp:/b${index}`) } },
      /^400 .*HostConfig.Binds.*4096/,
    ],
    mounts: [
      {
        HostConfig: {
          Mounts: many(5000, (index) => ({ Type: 'bind', Source: '/tmp', Target: `/b${index}` })),
        },
      },
      /^400 .*4096/,
    ],
    networks: [
      { NetworkingConfig: { EndpointsConfig: mapOf(1000, (index) => [`n${index}`, {}]) } },
      /^400 .*EndpointsConfig.*256/,
    ],
    aliases: [
      { NetworkingConfig: { EndpointsConfig: { bridge: { Aliases: many(3000, (index) => `a${index}`) } } } },
      /^400 .*Aliases.*1024/,
    ],
    hosts: [{ HostConfig: { ExtraHosts: many(5000, (index) => `h${index}:10.0.0.1`) } }, /^400 .*4096/],
    ports: [
      { HostConfig: { PortBindings: mapOf(17_000, (index) => [`${1 + index}/tcp`, [{ HostPort: '' }]]) } },
      /^400 .*at most 16384/,
    ],
    variables: [{ Env: many(100_000, (index) => `A${index}=b`) }, /^400 .*entries/],
  };
  test.each(Object.entries(cases))(
    '%s',
    async (_, [body, refusal]) => {
      expect(said(await create(body))).toMatch(refusal);
    },
    LONG,
  );

  test(
    'JSON in JSON, without end',
    async () => {
      for (const [open, close] of [
        ['[', ']'],
        ['{"a":', '}'],
      ] as const) {
        const deep = Buffer.from(`{"Labels":${open.repeat(500_000)}1${close.repeat(500_000)}}`);
        expect(said(await http.request('POST', '/containers/create', deep))).toMatch(/^400 .*deep/);
        const deeper = Buffer.from(`{"Labels":${open.repeat(7_000_000)}`);
        expect(said(await http.request('POST', '/containers/create', deeper))).toMatch(/^400 .*larger/);
      }
    },
    LONG,
  );
});

describe('what is much, but allowed', () => {
  test(
    'is made, listed and removed',
    async () => {
      const body = {
        Labels: mapOf(4096, (index) => [`label${index}`, 'x'.repeat(50)]),
        Env: many(20_000, (index) => `A${index}=b`),
        Cmd: ['true', ...many(20_000, String)],
        HostConfig: {
          ExtraHosts: many(4096, (index) => `h${index}:10.0.0.1`),
          Binds: many(1000, (index) => `/tmp:/b${index}`),
        },
      };
      expect(
        (await http.json('POST', '/containers/create?name=much', { Image: 'busybox', ...body })).status,
      ).toBe(201);
      expect((await http.request('GET', '/containers/json?all=1')).status).toBe(200);
      expect((await http.request('GET', '/containers/much/json')).status).toBe(200);
      expect((await http.request('DELETE', '/containers/much')).status).toBe(204);
    },
    LONG,
  );

  test(
    'ports by the hundred are published and given back',
    async () => {
      const PortBindings = mapOf(500, (index) => [
        `${10_000 + index}/udp`,
        [{ HostIp: '127.0.0.1', HostPort: '' }],
      ]);
      const made = await http.json('POST', '/containers/create?name=ports', {
        ...{ Image: 'busybox', Cmd: ['sleep', '1000'], HostConfig: { PortBindings } },
      });
      expect(made.status).toBe(201);
      expect((await http.request('POST', '/containers/ports/start')).status).toBe(204);
      expect((await http.request('DELETE', '/containers/ports?force=1')).status).toBe(204);
    },
    LONG,
  );
});

describe('queries', () => {
  const get = (path: string): Promise<RawAnswer> => http.request('GET', path);
  const filters = (value: unknown): string => encodeURIComponent(JSON.stringify(value));

  test(
    'filters: too many, too deep, too many expressions',
    async () => {
      expect(said(await get(`/containers/json?filters=${filters({ label: many(5000, String) })}`))).toMatch(
        /^400 .*1000/,
      );
      expect(said(await get(`/containers/json?filters=${'['.repeat(200_000)}`))).toMatch(/^400 .*deep/);
      const expressions = many(100, (index) => `(a+)+${index}$`);
      expect(said(await get(`/containers/json?all=1&filters=${filters({ name: expressions })}`))).toMatch(
        /^400 .*50 expressions/,
      );
      expect(
        (await get(`/images/json?filters=${filters({ reference: many(900, () => '*a*a*a*a*b') })}`)).status,
      ).toBe(200);
      const few = { name: many(50, (index) => `(a+)+${index}$`) };
      expect((await get(`/containers/json?all=1&filters=${filters(few)}`)).status).toBe(200);
    },
    LONG,
  );

  test(
    'parameters without number, and times that are long',
    async () => {
      expect(
        said(await get(`/containers/json?${many(100_000, (index) => `a${index}=b`).join('&')}`)),
      ).toMatch(/^400 .*parameters/);
      const long = `{"until":["${'1'.repeat(300_000)}"]}`;
      expect(
        (await http.request('POST', `/containers/prune?filters=${encodeURIComponent(long)}`)).status,
      ).toBe(400);
      expect((await get(`/events?since=1&until=${'1'.repeat(300_000)}`)).status).toBe(400);
    },
    LONG,
  );

  test(
    'logs from the end, as many as there is a number for',
    async () => {
      await engine.must(['run', '--name', 'chatty', 'busybox', 'seq', '200000']);
      for (const tail of ['9007199254740991', '1e300', '0'])
        expect((await get(`/containers/chatty/logs?stdout=1&tail=${tail}`)).status).toBe(200);
      await engine.must(['rm', 'chatty']);
    },
    LONG,
  );
});

describe('builds', () => {
  const file = (name: string, body: string): Uint8Array => {
    const size = Buffer.byteLength(body);
    const header = encodeHeader({ name, type: 'file', size });
    return concat([header, Buffer.from(body), new Uint8Array(paddingOf(size))]);
  };
  const build = (files: Readonly<Record<string, string>>, query = ''): Promise<RawAnswer> =>
    http.request(
      'POST',
      `/build${query}`,
      concat([...Object.entries(files).map(([name, body]) => file(name, body)), TAR_END]),
      'application/x-tar',
    );
  const LETTERS = 'a'.repeat(120);
  const PATTERN = `ENV X=${LETTERS}\nENV Y=\${X%*a*a*a*a*a*b}\n`;

  test(
    'a pattern, in a blueprint and in the ONBUILD of its base',
    async () => {
      const Dockerfile = `FROM busybox\n${PATTERN}ONBUILD ENV Z=\${X##*a*a*a*a*a*b}\n`;
      expect((await build({ Dockerfile }, '?t=trap')).text).toContain('Successfully tagged');
      expect((await build({ Dockerfile: 'FROM trap\nENV A=b\n' })).text).toContain('Successfully built');
      expect(
        said(await http.request('POST', `/commit?container=x&changes=${encodeURIComponent(PATTERN)}`)),
      ).toMatch(/^404/);
    },
    LONG,
  );

  test(
    'an ignore file',
    async () => {
      const patterns = many(100, (index) => `**/${'*a'.repeat(60)}${index}`).join('\n');
      const files = mapOf(500, (index) => [`folder/${LETTERS}${index}`, 'x']);
      const answer = await build({
        Dockerfile: 'FROM scratch\nCOPY . /\nCOPY folder/*a*a*a*a*b* /b\n',
        '.dockerignore': patterns,
        ...files,
      });
      expect(answer.text).toMatch(/was not found|Successfully built/);
    },
    LONG,
  );

  test.each([
    ['lines', 'ENV A=b\n'.repeat(60_000), /instructions|characters/],
    ['a long line', `RUN ${'x'.repeat(100_000)}\n`, /at most 65535/],
    ['ports', 'EXPOSE 1-65535\n'.repeat(500), /steps/],
    ['values that double', `ENV A=aaaaaaaa\n${'ENV A=$A$A\n'.repeat(100)}`, /steps/],
  ])(
    'a blueprint of %s',
    async (_, rest, refusal) => {
      expect((await build({ Dockerfile: `FROM scratch\n${rest}` })).text).toMatch(refusal);
    },
    LONG,
  );
});

test(
  'afterwards the engine is as well as before',
  async () => {
    expect(await engine.must(['run', '--rm', 'busybox', 'echo', 'fine'])).toBe('fine');
    expect(await engine.findings()).toBe('');
  },
  LONG,
);
