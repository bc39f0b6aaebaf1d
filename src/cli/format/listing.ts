import type { CliIo } from '../io.ts';
import { compileTemplate, HEADER_FUNCTIONS } from '../template/evaluate.ts';
import { table, tableOfText } from './table.ts';

/** Everything that a row can show, under docker's names; values are text as docker prints them; a function is a field with an argument. */
export type Row = Readonly<Record<string, string | ((argument: string) => string)>>;

export interface Listing {
  /** Columns of the default table, by field name. */
  readonly columns: readonly string[];
  /** Titles by field name; every field has one. */
  readonly titles: Row;
  readonly rows: readonly Row[];
  /** `table`, `json`, `table TEMPLATE`, or a Go template. */
  readonly format: string | undefined;
  /** With `-q`: this field alone, one per line. */
  readonly only?: string | undefined;
}

/** Prints a listing in the format that was asked for. Throws `TemplateError` for a broken template. */
export function printListing(io: CliIo, listing: Listing): void {
  const text = listingText(listing);
  if (text !== '') io.out(text);
}

/** The text that `printListing` prints. */
export function listingText({ columns, titles, rows, format, only }: Listing): string {
  if (only !== undefined && (format === undefined || format === 'table'))
    return rows.map((row) => `${String(row[only])}\n`).join('');
  if (format === undefined || format === '' || format === 'table') {
    const header = columns.map((name) => String(titles[name] ?? name));
    return table([header, ...rows.map((row) => columns.map((name) => String(row[name] ?? '')))]);
  }
  if (format === 'json') return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  if (format.startsWith('table'))
    return templateTable(unescape(format.slice('table'.length).trim()), titles, rows);
  const template = compileTemplate(unescape(format));
  return rows.map((row) => `${template(row)}\n`).join('');
}

function templateTable(source: string, titles: Row, rows: readonly Row[]): string {
  const template = compileTemplate(source);
  const lines = [template(titles, HEADER_FUNCTIONS), ...rows.map((row) => template(row))];
  return tableOfText(`${lines.join('\n')}\n`);
}

/** Shells pass `\t` on as two characters. */
export function unescape(format: string): string {
  return format.replaceAll(String.raw`\t`, '\t').replaceAll(String.raw`\n`, '\n');
}
