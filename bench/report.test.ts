import { expect, test } from 'bun:test';
import { markdown, plain } from './report.ts';
import type { Table } from './result.ts';
import { ratios, summarize } from './statistics.ts';

const table: Table = {
  title: 'run --rm busybox true',
  method: 'Whole commands.',
  reference: 'dockerd',
  rows: [
    { name: 'dockerd', unit: 'ms', summary: summarize([300, 310, 290]) },
    {
      name: 'hull',
      unit: 'ms',
      summary: summarize([30, 31, 29]),
      ratio: ratios([30, 31, 29], [300, 310, 290]),
      goal: { text: 'at most 1/6', met: true },
    },
  ],
};

test('the terminal’s table is aligned, and has no empty column', () => {
  expect(plain(table)).toContain('30.0 (29.5–30.5) ms  1/10.0 (1/10.0–1/10.0)  at most 1/6: met');
  expect(plain(table)).not.toContain('parts');
});

test('the page names the circumstances and holds every row', () => {
  const page = markdown(
    {
      date: '2026-01-02',
      commit: 'abc',
      cpu: 'a CPU',
      cpus: 2,
      memory: '4 GB',
      kernel: '6.1',
      operatingSystem: 'Debian 12',
      versions: { dockerd: '20.10', hull: '0.1.0' },
    },
    [table],
  );
  expect(page).toContain('Linux 6.1; dockerd 20.10, hull 0.1.0.');
  expect(page).toContain('| hull | 30.0 (29.5–30.5) ms | 1/10.0 (1/10.0–1/10.0) | at most 1/6: met |');
});
