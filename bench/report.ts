import type { Row, Table } from './result.ts';
import type { Summary } from './statistics.ts';

/** What the figures were measured on. */
export interface Circumstances {
  readonly date: string;
  readonly commit: string;
  readonly cpu: string;
  readonly cpus: number;
  readonly memory: string;
  readonly kernel: string;
  readonly operatingSystem: string;
  readonly versions: Readonly<Record<string, string>>;
}

/** The tables as GitHub-flavoured Markdown. */
export function markdown(circumstances: Circumstances, tables: readonly Table[]): string {
  const versions = Object.entries(circumstances.versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ');
  const head = [
    '# Benchmarks',
    'Written by `npm run bench`, which installs the peers, measures everything side by side on one machine, and removes what it made. Medians, with the first and third quartile in brackets.',
    `Measured on ${circumstances.date} at commit ${circumstances.commit}: ${circumstances.cpus} CPUs (${circumstances.cpu}), ${circumstances.memory} memory, ${circumstances.operatingSystem}, Linux ${circumstances.kernel}; ${versions}.`,
  ];
  return `${[...head, ...tables.map(tableText)].join('\n\n')}\n`;
}

function tableText(table: Table): string {
  const columns = columnsOf(table);
  const [head = '', ...body] = linesOf(table, columns).map((line) => `| ${line.join(' | ')} |`);
  return [
    `## ${table.title}`,
    table.method,
    [head, `|${columns.map(() => '---').join('|')}|`, ...body].join('\n'),
  ].join('\n\n');
}

/** A table in columns, for the terminal. */
export function plain(table: Table): string {
  const columns = columnsOf(table);
  const lines = linesOf(table, columns);
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)));
  const text = lines.map((line) =>
    `  ${line.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join('  ')}`.trimEnd(),
  );
  return `${table.title}\n${text.join('\n')}`;
}

/** The heading, and a line for every row. */
function linesOf(table: Table, columns: readonly Column[]): string[][] {
  return [
    columns.map(({ title }) => title),
    ...table.rows.map((row) => columns.map(({ cell }) => cell(row))),
  ];
}

interface Column {
  readonly title: string;
  readonly cell: (row: Row) => string;
}

/** Columns that no row fills are left out. */
function columnsOf({ reference, rows }: Table): Column[] {
  const columns: Column[] = [
    { title: '', cell: (row) => row.name },
    { title: 'median', cell: (row) => `${withSpread(row.summary)} ${row.unit}` },
    { title: `of ${reference ?? ''}`, cell: (row) => (row.ratio === undefined ? '' : ratioText(row.ratio)) },
    {
      title: 'goal',
      cell: ({ goal }) => (goal === undefined ? '' : `${goal.text}: ${goal.met ? 'met' : 'missed'}`),
    },
    { title: 'parts', cell: (row) => row.note ?? '' },
  ];
  return columns.filter(({ cell }) => rows.some((row) => cell(row) !== ''));
}

function withSpread({ count, median, low, high }: Summary): string {
  return count === 1 ? figure(median) : `${figure(median)} (${figure(low)}–${figure(high)})`;
}

/** As a fraction, which is how the goals are put: `1/9.3`. */
function ratioText({ median, low, high }: Summary): string {
  const text = (value: number) => (value < 1 ? `1/${(1 / value).toFixed(1)}` : `${value.toFixed(2)}×`);
  return `${text(median)} (${text(low)}–${text(high)})`;
}

/** Three significant digits. */
function figure(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
