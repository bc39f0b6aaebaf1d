import { describe, expect, test } from 'bun:test';
import { mergeConfig } from './commit-config.ts';

// As Docker's daemon merged such commits.
describe('mergeConfig', () => {
  const own = {
    Env: ['A=1', 'B=2'],
    Cmd: ['sleep', '1'],
    Entrypoint: ['/init'],
    Labels: { a: '1' },
    WorkingDir: '/w',
  };

  test('what is absent comes from the instance', () => {
    expect(mergeConfig({}, own)).toEqual(own);
    expect(mergeConfig(own, own)).toEqual(own);
  });

  test('variables and labels are joined, the wanted ones win', () => {
    expect(mergeConfig({ Env: ['B=3', 'C=4'], Labels: { a: '2', b: '3' } }, own)).toMatchObject({
      Env: ['B=3', 'C=4', 'A=1'],
      Labels: { a: '2', b: '3' },
    });
  });

  test('an entrypoint of its own comes without the instance’s command', () => {
    const merged = mergeConfig({ Entrypoint: ['/new'] }, own);
    expect(merged.Entrypoint).toEqual(['/new']);
    expect(merged.Cmd).toBeUndefined();
    expect(mergeConfig({ Cmd: ['new'] }, own)).toMatchObject({ Cmd: ['new'], Entrypoint: ['/init'] });
  });

  test('sets are joined', () => {
    expect(mergeConfig({ ExposedPorts: { '1/tcp': {} } }, { ExposedPorts: { '2/tcp': {} } })).toEqual({
      ExposedPorts: { '1/tcp': {}, '2/tcp': {} },
    });
  });
});
