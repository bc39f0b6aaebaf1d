import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { isHullError, type HullError } from '../../model/errors.ts';
import type { Image } from '../../model/image.ts';
import { parseBlueprint } from '../parser/parse.ts';
import { imageNamed } from '../testing/image.ts';
import type { CopyNode, RunNode } from './node.ts';
import { planBuild, type BuildPlan, type PlanRequest } from './plan.ts';

const images = new Map<string, Image>([
  [
    'base',
    imageNamed('base', { Env: ['PATH=/bin', 'LANG=C'], Cmd: ['sh'], WorkingDir: '/srv', User: 'app' }),
  ],
  ['trigger', imageNamed('trigger', { OnBuild: ['COPY . /app', 'RUN make'] })],
]);

function plan(text: string, request: Partial<PlanRequest> = {}): BuildPlan {
  const platform = { os: 'linux', architecture: 'amd64' };
  return planBuild(
    parseBlueprint(text),
    { args: {}, labels: {}, platform, ...request },
    (name) => images.get(name) ?? null,
  );
}

function refusal(text: string, request: Partial<PlanRequest> = {}): HullError {
  try {
    plan(text, request);
  } catch (error) {
    if (isHullError(error)) return error;
    throw error;
  }
  throw new Error('the plan was accepted');
}

const nodes = (result: BuildPlan) =>
  result.stages.flatMap((stage) => stage.steps.flatMap(({ node }) => (node === null ? [] : [node])));
const runs = (result: BuildPlan) => nodes(result).filter((node): node is RunNode => node.kind === 'run');
const copies = (result: BuildPlan) => nodes(result).filter((node): node is CopyNode => node.kind === 'copy');

describe('configuration', () => {
  test('the base is carried on and changed', () => {
    const { config, history } = plan(
      [
        'FROM base',
        'ENV A=1 B="two words" PATH=/opt/bin:$PATH',
        'LABEL "my.label"=x$A',
        'WORKDIR sub',
        'EXPOSE 80 1812-1813/udp',
        'VOLUME /data ["/x"]',
        'STOPSIGNAL sigquit',
        'USER 1000:1000',
        'HEALTHCHECK --interval=30s --retries=2 CMD test -e /ok',
        'ENTRYPOINT ["/server"]',
      ].join('\n'),
      { labels: { given: 'yes' } },
    );
    expect(config.Env).toEqual(['PATH=/opt/bin:/bin', 'LANG=C', 'A=1', 'B=two words']);
    expect(config.Labels).toEqual({ 'my.label': 'x1', given: 'yes' });
    expect(config.WorkingDir).toBe('/srv/sub');
    expect(Object.keys(config.ExposedPorts ?? {})).toEqual(['80/tcp', '1812/udp', '1813/udp']);
    expect(config.StopSignal).toBe('SIGQUIT');
    expect(config.User).toBe('1000:1000');
    expect(config.Healthcheck).toEqual({ Test: ['CMD-SHELL', 'test -e /ok'], Interval: 30e9, Retries: 2 });
    expect(config.Entrypoint).toEqual(['/server']);
    expect(config.Cmd).toBeUndefined();
    expect(history).toHaveLength(10);
  });

  test('a command set before the entrypoint stays', () => {
    expect(plan('FROM base\nCMD ["-v"]\nENTRYPOINT ["/x"]').config.Cmd).toEqual(['-v']);
  });

  test('the shell form uses SHELL', () => {
    const result = plan('FROM base\nSHELL ["/bin/bash", "-ec"]\nRUN a && b\nCMD go');
    expect(runs(result)[0]?.args).toEqual(['/bin/bash', '-ec', 'a && b']);
    expect(result.config.Cmd).toEqual(['/bin/bash', '-ec', 'go']);
  });

  test('values see the environment before their instruction', () => {
    expect(plan('FROM scratch\nENV a=1\nENV a=2 b=$a').config.Env?.slice(1)).toEqual(['a=2', 'b=1']);
  });

  test('MAINTAINER becomes the author, with a warning', () => {
    const result = plan('FROM base\nMAINTAINER Someone <a@b>');
    expect(result.author).toBe('Someone <a@b>');
    expect(result.warnings[0]).toContain('MAINTAINER is deprecated');
  });
});

describe('arguments', () => {
  test('globals are for FROM, and for stages that name them', () => {
    const result = plan('ARG TAG=base\nARG V=1\nFROM $TAG\nRUN one\nARG V\nARG W=${V}2\nRUN two');
    const [one, two] = runs(result);
    expect(one?.env).not.toContain('V=1');
    expect(two?.env).toContain('V=1');
    expect(two?.env).toContain('W=12');
  });

  test('given values win; unknown ones are warned of; ENV beats ARG', () => {
    const result = plan('FROM base\nARG V=1\nENV W=env\nARG W=arg\nRUN x', { args: { V: '9', NOPE: 'x' } });
    expect(runs(result)[0]?.env).toContain('V=9');
    expect(runs(result)[0]?.env).toContain('W=env');
    expect(result.warnings.join()).toContain('One or more build-args [NOPE] were not consumed');
  });

  test('proxies reach the command but not the key; platform args must be named', () => {
    const result = plan('FROM base\nRUN a\nARG TARGETARCH\nRUN b', { args: { http_proxy: 'http://p' } });
    const [a, b] = runs(result);
    expect(a?.volatileEnv).toEqual(['http_proxy=http://p']);
    expect(a?.env.join()).not.toContain('TARGETARCH');
    expect(b?.env).toContain('TARGETARCH=amd64');
    expect(result.warnings).toEqual([]);
  });
});

describe('stages', () => {
  const text =
    'FROM base AS a\nRUN a\nFROM base AS b\nRUN b\nFROM scratch\nCOPY --from=A /x /y\nCOPY --from=base /etc/ /etc/';

  test('those that are not needed are left out', () => {
    const result = plan(text);
    expect(runs(result).map((node) => node.args.at(-1))).toEqual(['a']);
    expect(copies(result).map((node) => node.from.kind)).toEqual(['run', 'image']);
    expect(runs(plan(text, { target: 'b' })).map((node) => node.args.at(-1))).toEqual(['b']);
    expect(runs(plan(text, { target: '0' })).map((node) => node.args.at(-1))).toEqual(['a']);
  });

  test('a stage goes on where another ended', () => {
    const result = plan('FROM base AS a\nENV X=1\nRUN a\nFROM a\nRUN $X');
    expect(result.config.Env).toContain('X=1');
    expect(runs(result).at(-1)?.parent).toBe(runs(result)[0] as RunNode);
  });

  test('triggers of the base are carried out and not handed on', () => {
    const result = plan('FROM trigger\nCMD x');
    expect(nodes(result).map((node) => node.kind)).toEqual(['copy', 'run']);
    expect(result.config.OnBuild).toBeUndefined();
    expect(plan('FROM base\nONBUILD RUN x').config.OnBuild).toEqual(['RUN x']);
  });
});

describe('refusals show file, line and caret', () => {
  test.each([
    ['FRON base', 'blueprint-invalid', 'did you mean FROM?'],
    ['FROM base\nRUM x', 'blueprint-invalid', 'did you mean RUN?'],
    ['RUN x', 'blueprint-invalid', 'only ARG may stand before'],
    ['FROM nothere', 'image-not-found', 'no earlier stage named "nothere"'],
    ['FROM base\nCOPY --form=a b c', 'blueprint-invalid', 'did you mean --from?'],
    ['FROM base\nRUN --mount=type=cache x', 'not-supported', '--mount is not supported'],
    ['FROM base\nADD https://example.org/x /', 'not-supported', 'download the file'],
    ['FROM base\nCOPY a', 'blueprint-invalid', 'at least one source'],
    ['FROM base\nCOPY a b c', 'blueprint-invalid', 'end it with "/"'],
    ['FROM base\nEXPOSE 99999', 'blueprint-invalid', '"99999" is no port'],
    ['FROM base\nENV A=${B', 'blueprint-invalid', '"}" is missing'],
    ['FROM base\nCOPY --chmod=u+x a b', 'blueprint-invalid', 'octal mode'],
    ['FROM base\nSTOPSIGNAL 99', 'blueprint-invalid', 'is no signal'],
    ['FROM base\nHEALTHCHECK --interval=soon CMD x', 'blueprint-invalid', 'duration'],
    ['FROM base\nSHELL bash', 'blueprint-invalid', 'JSON array'],
    ['FROM base\nONBUILD FROM x', 'blueprint-invalid', 'not allowed'],
    ['FROM base AS a\nFROM base AS A', 'blueprint-invalid', 'exists already, from line 1'],
    ['FROM --platform=linux/s390x base', 'not-supported', 'builds for linux/amd64 only'],
    ['FROM ${NONE}', 'blueprint-invalid', 'empty after expansion'],
    ['FROM base\nRUN <<EOF\nx', 'blueprint-invalid', 'has no end'],
  ])('%s', (text, code, message) => {
    const error = refusal(text);
    expect(error.code).toBe(code as HullError['code']);
    expect(error.message).toContain(message);
    expect(error.message).toMatch(/^Dockerfile:\d+:\d+: /u);
    expect(error.message).toMatch(/\n +\| +\^$|\n +\| \^$/u);
    expect(error.details).toMatchObject({
      line: text.split('\n').findIndex((line) => line === error.details['source']) + 1,
    });
  });

  test('the caret stands below the word, on a continuation line too', () => {
    const error = refusal('FROM base\nCOPY \\\n  --form=a b c');
    expect(error.details).toMatchObject({ line: 3, column: 3, source: '  --form=a b c' });
    expect(error.message).toEndWith('3 |   --form=a b c\n  |   ^');
  });

  test('an unknown target names the stages', () => {
    expect(refusal('FROM base AS build', { target: 'biuld' }).message).toContain('did you mean build?');
  });
});

describe('documents', () => {
  test('RUN <<EOF is a script; other commands get the document after their line', () => {
    const result = plan('FROM base\nRUN <<EOF\na\nb $X\nEOF\nRUN cat <<-END >x\n\ty\n\tEND');
    expect(runs(result).map((node) => node.args.at(-1))).toEqual(['a\nb $X\n', 'cat <<-END >x\ny\nEND\n']);
  });

  test('COPY makes files of them, expanded unless quoted', () => {
    const result = plan(`FROM base\nENV X=1\nCOPY <<a <<'b' /d/\nx=$X\na\nx=$X\nb`);
    expect(copies(result)[0]?.documents).toEqual([
      { name: 'a', content: 'x=1\n' },
      { name: 'b', content: 'x=$X\n' },
    ]);
  });
});

test('arbitrary blueprints are planned or refused with a HullError', () => {
  const word = fc.constantFrom(
    'base',
    'scratch',
    'AS',
    'a',
    '--from=a',
    '--chown=1',
    '$X',
    '${X:-y}',
    '["x"]',
    '[',
    '<<E',
    'E',
    'x=y',
    '\\',
    '"',
    '/',
    '80',
    'CMD',
    'NONE',
  );
  const keyword = fc.constantFrom(
    'FROM',
    'RUN',
    'COPY',
    'ADD',
    'ENV',
    'ARG',
    'LABEL',
    'WORKDIR',
    'EXPOSE',
    'VOLUME',
    'HEALTHCHECK',
    'ONBUILD',
    'SHELL',
    'USER',
    'ENTRYPOINT',
    'CMD',
    '#',
  );
  const line = fc
    .tuple(keyword, fc.array(word, { maxLength: 4 }))
    .map(([head, tail]) => [head, ...tail].join(' '));
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
      try {
        plan(['FROM base AS a', ...lines].join('\n'));
      } catch (error) {
        expect(isHullError(error)).toBe(true);
      }
    }),
    { numRuns: 3000 },
  );
});
