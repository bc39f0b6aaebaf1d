import { expect, test } from 'bun:test';
import { HullError } from '../../model/errors.ts';
import { errorLine, progressBar, progressLine } from './transfer-stream.ts';

test('lines as Docker writes them', () => {
  expect(progressLine({ status: 'Pulling from library/x', id: 'latest' })).toEqual({
    status: 'Pulling from library/x',
    id: 'latest',
  });
  expect(progressLine({ status: 'Waiting', id: '0123456789ab' })).toEqual({
    status: 'Waiting',
    progressDetail: {},
    id: '0123456789ab',
  });
  expect(
    JSON.stringify(
      progressLine({ status: 'Downloading', id: '0123456789ab', current: 1_500_000, total: 3_000_000 }),
    ),
  ).toBe(
    JSON.stringify({
      status: 'Downloading',
      progressDetail: { current: 1_500_000, total: 3_000_000 },
      progress: `[${'='.repeat(25)}>${' '.repeat(25)}]    1.5MB/3MB`,
      id: '0123456789ab',
    }),
  );
  expect(errorLine(new HullError('internal', 'no'), { code: 3 })).toEqual({
    errorDetail: { code: 3, message: 'no' },
    error: 'no',
  });
});

test('bars never overflow', () => {
  expect(progressBar(200, 100)).toBe(`[${'='.repeat(50)}>]     200B`);
  expect(progressBar(5, 0)).toBe('      5B');
  expect(progressBar(0, 10)).toBe(`[>${' '.repeat(50)}]       0B/10B`);
});
