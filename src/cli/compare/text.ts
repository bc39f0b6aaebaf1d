import type { ComparisonReport } from '../../../api/native.ts';
import { bytesText } from './figures.ts';
import { type Cell, sectionsOf } from './rows.ts';

const TITLE_WIDTH = 27;
const COLUMN_WIDTH = 24;
const GAP = 2;

/** The report as a table for a terminal, one column for each isolation. What is missing says why below it. Pure. */
export function textReport(report: ComparisonReport): string {
  const reasons: string[] = [];
  const { subjects } = report;
  const lines = [...heading(report), ''];
  if (subjects.length > 0) {
    const heads = subjects.map(({ kind, detail }) => [kind.toUpperCase(), ...wrapped(plain(detail))]);
    lines.push(...table('', heads));
  }
  for (const { title, rows } of subjects.length > 0 ? sectionsOf(report) : []) {
    lines.push('', title);
    for (const row of rows) {
      const cells = row.cells.map((cell) => cellLines(cell, reasons));
      lines.push(...table(`  ${row.title}`, cells));
    }
  }
  lines.push(...footer(report, reasons));
  return `${lines.join('\n')}\n`;
}

function heading(report: ComparisonReport): string[] {
  const { host, image, machine, runs, probe } = report;
  const against = machine === null ? '' : ` and the machine ${plain(machine)}`;
  return [
    `${plain(image.reference)}${against}, ${runs} ${runs === 1 ? 'run' : 'runs'} each, ready when this succeeds: ${plain(probe)}`,
    `Host: ${plain(host.name)}, ${host.cpus} CPUs (${plain(host.cpuModel)}), ${bytesText(host.memory)} memory, ${plain(host.operatingSystem)}, kernel ${plain(host.kernel)}`,
  ];
}

function footer(report: ComparisonReport, reasons: readonly string[]): string[] {
  const lines: string[] = [];
  const list = (title: string, entries: readonly string[]): void => {
    if (entries.length > 0) lines.push('', title, ...entries.map((entry) => `  ${entry}`));
  };
  list(
    'Not measured',
    reasons.map((why, index) => `[${index + 1}] ${why}`),
  );
  list(
    'Left out',
    report.skipped.map(({ kind, why }) => `${kind}: ${plain(why)}`),
  );
  const warnings = new Set(report.subjects.flatMap((subject) => subject.warnings));
  list('Warnings', [...warnings].map(plain));
  for (const { kind, failure } of report.subjects) {
    if (failure === null) continue;
    list(`${kind}: run ${failure.run} failed: ${plain(failure.why)}`, [
      ...outputLines('the probe printed last', failure.probeOutput),
      ...outputLines('the instance’s log ends', failure.log),
    ]);
  }
  list('How it was measured', report.notes.map(plain));
  return lines;
}

function outputLines(title: string, output: string): string[] {
  if (output.trim() === '') return [`${title}: (nothing)`];
  return [
    `${title}:`,
    ...output
      .trimEnd()
      .split('\n')
      .map((line) => `  ${plain(line)}`),
  ];
}

/** A cell's lines; the reason for a missing figure goes to the list below, once. */
function cellLines(cell: Cell, reasons: string[]): string[] {
  if ('missing' in cell) {
    const why = plain(cell.missing);
    if (!reasons.includes(why)) reasons.push(why);
    return [`not measured [${reasons.indexOf(why) + 1}]`];
  }
  return [...wrapped(plain(cell.text)), ...wrapped(plain(cell.more))];
}

function wrapped(text: string): string[] {
  return wrap(text, COLUMN_WIDTH - GAP);
}

/** One row of cells, as many lines as the highest has. */
function table(title: string, cells: readonly (readonly string[])[]): string[] {
  const height = Math.max(1, ...cells.map((cell) => cell.length));
  return Array.from({ length: height }, (_, line) =>
    columns(line === 0 ? title : '', ...cells.map((cell) => cell[line] ?? '')),
  );
}

function columns(title: string, ...cells: readonly string[]): string {
  const padded = cells.map((cell) => cell.padEnd(COLUMN_WIDTH));
  return `${title.padEnd(TITLE_WIDTH)}${padded.join('')}`.trimEnd();
}

/** Lines of at most `width` characters, broken at blanks; longer words are cut. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').flatMap((one) => pieces(one, width))) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (longer.length <= width) line = longer;
    else {
      lines.push(line);
      line = word;
    }
  }
  return line === '' ? lines : [...lines, line];
}

function pieces(word: string, width: number): string[] {
  const found: string[] = [];
  for (let at = 0; at === 0 || at < word.length; at += width) found.push(word.slice(at, at + width));
  return found;
}

/** Texts of guests and tools are not to be trusted: no control characters reach the terminal. */
export function plain(text: string): string {
  // eslint-disable-next-line no-control-regex -- these are the ones meant
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, ' ');
}
