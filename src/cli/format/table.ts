const MINIMUM_WIDTH = 10;
const PADDING = 3;

/** Columns as docker's tables have them (Go's tabwriter with a least width of 10 and padding of 3); the last is not padded. */
export function table(rows: readonly (readonly string[])[], minimumWidth = MINIMUM_WIDTH): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.slice(0, -1).forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? minimumWidth, width(cell) + PADDING);
    });
  }
  return rows.map((row) => `${line(row, widths)}\n`).join('');
}

/** As `table`, of text whose cells are separated by tabs. */
export function tableOfText(text: string): string {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return table(lines.map((one) => one.split('\t')));
}

function line(row: readonly string[], widths: readonly number[]): string {
  const last = row.length - 1;
  return row
    .map((cell, column) => (column === last ? cell : cell + ' '.repeat((widths[column] ?? 0) - width(cell))))
    .join('');
}

/** Characters, as tabwriter counts them. */
function width(cell: string): number {
  let count = 0;
  for (const _character of cell) count += 1;
  return count;
}
