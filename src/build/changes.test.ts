import { expect, test } from 'bun:test';
import { applyChanges } from './changes.ts';

test('instructions change a finished configuration, one after the other', () => {
  const changed = applyChanges({ Env: ['PATH=/bin'], Cmd: ['old'] }, [
    'ENV A=1 B="two words"',
    'ENV C=$A$PATH',
    'CMD ["sh", "-c", "true"]',
    'EXPOSE 80/tcp 53/udp',
    'LABEL kind=test',
    'WORKDIR /srv',
    'WORKDIR sub',
    'USER 12:34',
    'VOLUME /data',
    'STOPSIGNAL SIGINT',
    'ONBUILD RUN true',
  ]);
  expect(changed).toEqual({
    Env: ['PATH=/bin', 'A=1', 'B=two words', 'C=1/bin'],
    Cmd: ['sh', '-c', 'true'],
    ExposedPorts: { '80/tcp': {}, '53/udp': {} },
    Labels: { kind: 'test' },
    WorkingDir: '/srv/sub',
    User: '12:34',
    Volumes: { '/data': {} },
    StopSignal: 'SIGINT',
    OnBuild: ['RUN true'],
  });
});

test('no changes leave the configuration as it is', () => {
  const config = { Cmd: ['sh'] };
  expect(applyChanges(config, ['', ' '])).toBe(config);
});

test('what needs a root filesystem is refused, and so is what is no instruction', () => {
  for (const change of ['RUN true', 'COPY a b', 'ADD a b', 'ARG a=1'])
    expect(() => applyChanges({}, [change])).toThrow('is not a valid change command');
  expect(() => applyChanges({}, ['NONSENSE x'])).toThrow(
    expect.objectContaining({ code: 'blueprint-invalid' }),
  );
  expect(() => applyChanges({}, ['FROM scratch'])).toThrow();
});
