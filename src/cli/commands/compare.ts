import type { ComparisonReport } from '../../../api/native.ts';
import { defineCommand } from '../command.ts';
import { pageReport } from '../compare/page.ts';
import { textReport } from '../compare/text.ts';
import { choice, integer, list, text } from '../flags/flag.ts';
import { ProgressPrinter } from '../format/progress.ts';
import { UsageError } from '../usage-error.ts';

/** As a shell reports a command that SIGINT ended. */
const INTERRUPTED = 130;

export const command = defineCommand({
  usage: 'compare [OPTIONS] IMAGE',
  summary: 'Measure what each isolation costs for an image: size, start, memory, throughput',
  example:
    "hull compare freeradius --machine debian-radius --probe 'radtest alice secret $HULL_ADDRESS 0 testing123'",
  flags: {
    format: choice('Form of the report', ['text', 'json', 'html'], { shownDefault: 'text' }),
    html: text('Write the report as a page to this file too', { placeholder: 'FILE', complete: 'files' }),
    isolation: list('Measure only these (container, sandbox, vm)', {
      complete: ['container', 'sandbox', 'vm'],
    }),
    machine: text('Measure this machine disk too', { placeholder: 'NAME', complete: 'machines' }),
    output: text('Write the report to this file instead', {
      short: 'o',
      placeholder: 'FILE',
      complete: 'files',
    }),
    probe: text(
      'Command on the host that succeeds once the application answers ($HULL_ADDRESS is its address)',
      { placeholder: 'CMD' },
    ),
    runs: integer('Runs of each isolation'),
  },
  args: { min: 1, max: 1 },
  completeArgs: ['images'],
  run: async ({ io, client }, values, [image = '']) => {
    const { machine, probe, runs, output, html } = values;
    if (probe === undefined)
      throw new UsageError('--probe CMD is required: it tells when the application is ready');
    const progress = new ProgressPrinter(io);
    const request = {
      image,
      probe,
      ...(machine === undefined ? {} : { machine }),
      ...(runs === undefined ? {} : { runs }),
      ...(values.isolation.length === 0
        ? {}
        : { isolations: values.isolation.flatMap((names) => names.split(',')) }),
    };
    // A client that goes away ends the comparison, and the engine removes what it had started.
    const gone = new AbortController();
    const forget = (['SIGINT', 'SIGTERM'] as const).map((signal) => io.onSignal(signal, () => gone.abort()));
    try {
      const report = await client.native.compare(request, progress.print, gone.signal);
      progress.finish();
      const text = reportText(report, values.format ?? 'text');
      if (output === undefined) io.out(text);
      else io.writeFile(output, text);
      if (html !== undefined) io.writeFile(html, pageReport(report));
      return report.subjects.some(({ failure }) => failure !== null) ? 1 : 0;
    } catch (error) {
      if (gone.signal.aborted) return INTERRUPTED;
      throw error;
    } finally {
      progress.finish();
      for (const restore of forget) restore();
    }
  },
});

function reportText(report: ComparisonReport, format: 'text' | 'json' | 'html'): string {
  switch (format) {
    case 'text':
      return textReport(report);
    case 'json':
      return `${JSON.stringify(report, null, 2)}\n`;
    case 'html':
      return pageReport(report);
  }
}
