import type { SubjectKind } from '../../../api/native.ts';
import { html, type Markup } from './markup.ts';
import type { Cell, Row } from './rows.ts';

const LENGTH = 1000;
const THICKNESS = 12;
/** So that the smallest can still be seen. */
const LEAST = 4;

/** One row as bars, one below the other, all to the same linear scale; a thin line from the least to the most measured. */
export function chart(row: Row, kinds: readonly SubjectKind[]): Markup {
  const longest = Math.max(row.reference ?? 0, ...row.cells.map(endOf));
  const bars = row.cells.map((cell, index) => bar(cell, kinds[index] ?? 'container', longest, row.reference));
  return html`<div class="chart">
    <h3>${row.title} <span>${row.chart ?? ''}</span></h3>
    ${bars}
  </div>`;
}

function endOf(cell: Cell): number {
  return 'missing' in cell || cell.bar === null ? 0 : cell.bar.max;
}

function bar(cell: Cell, kind: SubjectKind, longest: number, reference: number | null): Markup {
  if ('missing' in cell) {
    return html`<div class="bar">
      <p><span>${kind}</span></p>
      <span class="missing">not measured: ${cell.missing}</span>
    </div>`;
  }
  return html`<div class="bar">
    <p><span>${kind}</span><b>${cell.text}</b></p>
    ${drawing(cell, kind, longest, reference)}
  </div>`;
}

function drawing(
  cell: Exclude<Cell, { readonly missing: string }>,
  kind: SubjectKind,
  longest: number,
  reference: number | null,
): Markup {
  const at = (value: number): number =>
    longest > 0 ? Math.round(Math.min(1, Math.max(0, value / longest)) * LENGTH) : 0;
  const { value, min, max } = cell.bar ?? { value: 0, min: 0, max: 0 };
  const middle = THICKNESS / 2;
  const spread =
    max > min
      ? html`<line class="spread" x1="${at(min)}" x2="${at(max)}" y1="${middle}" y2="${middle}" />`
      : html``;
  const line =
    reference === null
      ? html``
      : html`<line class="reference" x1="${at(reference)}" x2="${at(reference)}" y1="0" y2="${THICKNESS}" />`;
  return html`<svg
    viewBox="0 0 ${LENGTH} ${THICKNESS}"
    preserveAspectRatio="none"
    role="img"
    aria-label="${`${kind}: ${cell.text}`}"
  >
    <rect class="track" width="${LENGTH}" height="${THICKNESS}" />
    <rect class="${`fill-${kind}`}" width="${Math.max(LEAST, at(value))}" height="${THICKNESS}" />
    ${spread}${line}
  </svg>`;
}
