import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { byteRateText, bytesText, operationRateText, percentText, timeText } from './figures.ts';
import { escapeText, html } from './markup.ts';
import { pageReport } from './page.ts';
import { sectionsOf } from './rows.ts';
import { sampleReport } from '../testing/sample-report.ts';
import { plain, textReport, wrap } from './text.ts';

describe('figures', () => {
  test('three digits that count, and the unit that people say', () => {
    expect([0, 999, 1024, 2_378_240, 57_014_096, 2 ** 40].map(bytesText)).toEqual([
      '0 B',
      '999 B',
      '1 KiB',
      '2.27 MiB',
      '54.4 MiB',
      '1 TiB',
    ]);
    expect([0.4, 57.57, 999.4, 2146, 41_000].map(timeText)).toEqual([
      '0.4 ms',
      '57.6 ms',
      '999 ms',
      '2.15 s',
      '41 s',
    ]);
    expect([1, 0.994, 0.0533, 1.204, 0].map(percentText)).toEqual(['100%', '99%', '5.3%', '120%', '0%']);
    expect(operationRateText(102_179_869)).toBe('102 million/s');
    expect(byteRateText(1_520_764_978)).toBe('1.52 GB/s');
  });
  test('whole tens keep their zeros', () => {
    expect(bytesText(100)).toBe('100 B');
    expect(timeText(120_000)).toBe('120 s');
  });
});

describe('rows', () => {
  test('the textbook’s, each with a cell for every subject', () => {
    const report = sampleReport('x');
    const sections = sectionsOf(report);
    expect(sections.map(({ title }) => title.split(' ')[0])).toEqual([
      'Overhead',
      'Performance',
      'Operating',
      'Start-up',
      'Storage',
      'Isolation',
      'Capacity',
    ]);
    for (const row of sections.flatMap(({ rows }) => rows)) expect(row.cells).toHaveLength(2);
  });
  test('what is missing has its reason', () => {
    const cells = sectionsOf(sampleReport('the disk is gone')).flatMap(({ rows }) =>
      rows.flatMap((row) => row.cells.slice(1)),
    );
    for (const cell of cells)
      expect('missing' in cell ? cell.missing : `${cell.text} ${cell.more}`).toMatch(
        /^(– )?the disk is gone$/,
      );
    expect(cells.filter((cell) => 'missing' in cell).length).toBeGreaterThan(10);
  });
});

describe('the table', () => {
  const text = textReport(sampleReport('some words'));
  test('has figures with their spread, and each reason once', () => {
    expect(text).toContain('  warm                     58 ms');
    expect(text).toContain('55 ms to 61.3 ms;');
    expect(text).toContain('63,197');
    expect(text).toContain('not measured [1]');
    expect(text.match(/^ {2}\[\d+\] /gm)).toHaveLength(1);
  });
  test('tells of failures and of what was left out', () => {
    expect(text).toContain('vm: run 1 failed: some words');
    expect(text).toContain('  machine: some words');
  });
  test('lets no control character of a guest’s through, and no figure is empty', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (any) => {
        const lines = textReport(sampleReport(any)).split('\n');
        for (const line of lines) expect(plain(line)).toBe(line);
      }),
      { numRuns: 50 },
    );
  });
  test('wrap keeps every character and no line too long', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 30 }), (any, width) => {
        const lines = wrap(any, width);
        for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
        expect(lines.join('').replaceAll(' ', '')).toBe(any.replaceAll(' ', ''));
      }),
    );
  });
});

/** Tags without the values of their attributes: what escaping must keep any text from changing. */
function skeleton(page: string): string[] {
  return [...page.matchAll(/<[^>]*>/g)].map(([tag]) => tag.replaceAll(/"[^"]*"/g, '""'));
}

describe('the page', () => {
  const harmless = skeleton(pageReport(sampleReport('word')));
  test('has a bar for each figure, and loads nothing', () => {
    const page = pageReport(sampleReport('word'));
    expect(page.match(/class="fill-container"/g)?.length).toBeGreaterThan(5);
    expect(page).toContain('default-src &#39;none&#39;');
    expect(page).not.toMatch(/<script|<link|<img|<iframe|\bon\w+=|url\(|@import|https?:|src=/i);
    expect(page).toContain('prefers-color-scheme: dark');
  });
  test.each([
    '<script>alert(1)</script>',
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    '</style><b>',
    '&lt;b&gt;',
    '<!--',
    ']]>',
  ])('escapes %p wherever it stands', (text) => {
    const page = pageReport(sampleReport(text));
    expect(skeleton(page)).toEqual(harmless);
    expect(page).toContain(escapeText(text));
  });
  test('no text changes its structure', () => {
    const nasty = fc.string({
      unit: fc.constantFrom('<', '>', '"', "'", '&', '/', '!', '-', '=', ' ', 'a', '\0', '\n'),
    });
    fc.assert(
      fc.property(fc.oneof(nasty, fc.string({ unit: 'binary' })), (text) => {
        fc.pre(text !== '');
        expect(skeleton(pageReport(sampleReport(text)))).toEqual(harmless);
      }),
      { numRuns: 200 },
    );
  });
});

test('html takes markup in as it is, and text escaped', () => {
  expect(html`<a title="${'"'}">${html`<b>${1}</b>`}${[html`<i></i>`, html`<u></u>`]}${'<'}</a>`.text).toBe(
    '<a title="&quot;"><b>1</b><i></i><u></u>&lt;</a>',
  );
});

test('the report survives JSON', () => {
  const report = sampleReport('word');
  expect(JSON.parse(JSON.stringify(report))).toEqual(report);
});
