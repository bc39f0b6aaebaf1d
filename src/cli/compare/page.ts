import type { ComparisonReport, SubjectReport } from '../../../api/native.ts';
import { chart } from './chart.ts';
import { bytesText, byteRateText, operationRateText } from './figures.ts';
import { html, Markup } from './markup.ts';
import { type Cell, type Section, sectionsOf } from './rows.ts';
import { STYLE } from './style.ts';

const POLICY = "default-src 'none'; style-src 'unsafe-inline'";

/** The report as one HTML page: bars, then the whole table. Needs nothing but itself; every text in it is escaped. Pure. */
export function pageReport(report: ComparisonReport): string {
  const sections = sectionsOf(report);
  const title = `${report.image.reference}: what isolation costs`;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="${POLICY}" />
        <title>${title}</title>
        <style>
          ${new Markup(STYLE)}
        </style>
      </head>
      <body>
        ${header(report, title)} ${failures(report.subjects)}
        ${report.subjects.length === 0 ? html`` : charts(sections, report)}
        ${report.subjects.length === 0 ? html`` : table(sections, report)}
        ${list(
          'Left out',
          report.skipped.map(({ kind, why }) => `${kind}: ${why}`),
        )}
        ${list('Warnings', [...new Set(report.subjects.flatMap((subject) => subject.warnings))])}
        ${list('How it was measured', report.notes)}
      </body>
    </html> `;
  return page.text;
}

function header(report: ComparisonReport, title: string): Markup {
  const { host, machine, runs, probe, startedAt, endedAt } = report;
  const { cpu, diskWrite, diskRead } = host.throughput;
  const own = [
    'value' in cpu ? `CPU ${operationRateText(cpu.value.median)}` : '',
    'value' in diskWrite ? `disk writing ${byteRateText(diskWrite.value.median)}` : '',
    'value' in diskRead ? `reading ${byteRateText(diskRead.value.median)}` : '',
  ].filter((part) => part !== '');
  const against = machine === null ? '' : `, beside the machine ${machine}`;
  return html`<h1>${title}</h1>
    <p class="soft">
      Measured by hull compare on ${new Date(startedAt).toUTCString()} in
      ${Math.round((endedAt - startedAt) / 1000)} seconds, ${runs} ${runs === 1 ? 'run' : 'runs'} of
      each${against}.
    </p>
    <p>
      Host: ${host.name}, ${host.cpus} CPUs (${host.cpuModel}), ${bytesText(host.memory)} memory,
      ${host.operatingSystem}, kernel ${host.kernel}${own.length > 0 ? `; ${own.join(', ')}` : ''}.
    </p>
    <p>Ready when this succeeds: <code>${probe}</code></p>
    <p class="soft">
      Bars show medians; the thin line reaches from the least to the most measured, the dotted one marks the
      host itself.
    </p>`;
}

function failures(subjects: readonly SubjectReport[]): readonly Markup[] {
  return subjects.flatMap(({ kind, failure }) =>
    failure === null
      ? []
      : [
          html`<h2>${kind}: run ${failure.run} failed</h2>
            <p>${failure.why}</p>
            <p class="soft">The probe printed last:</p>
            <pre>${failure.probeOutput || '(nothing)'}</pre>
            <p class="soft">The instance’s log ends:</p>
            <pre>${failure.log || '(nothing)'}</pre>`,
        ],
  );
}

function charts(sections: readonly Section[], { subjects }: ComparisonReport): readonly Markup[] {
  const kinds = subjects.map(({ kind }) => kind);
  return sections.flatMap(({ title, rows }) => {
    const drawn = rows.filter((row) => row.chart !== null);
    if (drawn.length === 0) return [];
    return [
      html`<h2>${title}</h2>
        <div class="charts">${drawn.map((row) => chart(row, kinds))}</div> `,
    ];
  });
}

function table(sections: readonly Section[], { subjects }: ComparisonReport): Markup {
  const heads = subjects.map(
    ({ kind, detail }) => html`<th scope="col">${kind} <small>${detail}</small></th>`,
  );
  const bodies = sections.map(
    ({ title, rows }) =>
      html`<tr class="section">
          <th colspan="${subjects.length + 1}">${title}</th>
        </tr>
        ${rows.map(
          (row) =>
            html`<tr>
              <th scope="row">${row.title}</th>
              ${row.cells.map(tableCell)}
            </tr> `,
        )}`,
  );
  return html`<h2>All figures</h2>
    <div class="wide">
      <table>
        <thead>
          <tr>
            <th></th>
            ${heads}
          </tr>
        </thead>
        <tbody>
          ${bodies}
        </tbody>
      </table>
    </div>`;
}

function tableCell(cell: Cell): Markup {
  if ('missing' in cell) return html`<td class="missing">not measured: ${cell.missing}</td>`;
  return html`<td>${cell.text}<small>${cell.more}</small></td>`;
}

function list(title: string, entries: readonly string[]): Markup {
  if (entries.length === 0) return html``;
  return html`<h2>${title}</h2>
    <ul class="soft">
      ${entries.map((entry) => html`<li>${entry}</li>`)}
    </ul>`;
}
