import { expect, test } from 'bun:test';
import { applyChanges } from './changes.ts';

test('instructions change the configuration', () => {
  const before = { Env: ['A=1'], Cmd: ['old'], Labels: { keep: 'it' } };
  const after = applyChanges(before, [
    'ENV B=$A C="two words"',
    'CMD ["sh", "-c", "true"]',
    'LABEL new=one',
    'EXPOSE 80 53/udp',
    'USER 1000',
    'WORKDIR /srv',
    'VOLUME /data',
    'STOPSIGNAL SIGINT',
  ]);
  expect(after).toEqual({
    Env: ['A=1', 'B=1', 'C=two words'],
    Cmd: ['sh', '-c', 'true'],
    Labels: { keep: 'it', new: 'one' },
    ExposedPorts: { '80/tcp': {}, '53/udp': {} },
    User: '1000',
    WorkingDir: '/srv',
    Volumes: { '/data': {} },
    StopSignal: 'SIGINT',
  });
  expect(before).toEqual({ Env: ['A=1'], Cmd: ['old'], Labels: { keep: 'it' } });
});

test('an entrypoint alone takes the command away', () => {
  expect(applyChanges({ Cmd: ['old'] }, ['ENTRYPOINT ["new"]'])).toEqual({ Entrypoint: ['new'] });
});

test('nothing changes nothing', () => {
  const config = { Cmd: ['x'] };
  expect(applyChanges(config, [])).toBe(config);
});

test.each([
  'BLAH x',
  'ENV a=b\nRUN x',
  'RUN x',
  'FROM y',
  'COPY a b',
  'ADD a b',
  'ARG x',
  'SHELL ["x"]',
  'MAINTAINER me',
])('%s is refused', (change) => {
  const word = (change.split('\n').at(-1)?.split(' ')[0] ?? '').toLowerCase();
  expect(() => applyChanges({}, [change])).toThrow(`${word} is not a valid change command`);
});

test.each(['ENV', 'EXPOSE none', '"x"'])('the malformed %s is refused', (change) => {
  expect(() => applyChanges({}, [change])).toThrow();
});
