import type {
  ComparisonReport,
  Measured,
  Mechanism,
  Sample,
  StartTimes,
  SubjectReport,
  ThroughputKind,
} from '../../../api/native.ts';
import { byteRateText, bytesText, countText, operationRateText, percentText, timeText } from './figures.ts';

/** One figure of one subject, ready to be shown; or why there is none. */
export type Cell =
  | {
      readonly text: string;
      /** Said smaller: the spread, the parts. */
      readonly more: string;
      /** For a chart: length, and where the shortest and longest measurement ended. */
      readonly bar: { readonly value: number; readonly min: number; readonly max: number } | null;
    }
  | { readonly missing: string };

export interface Row {
  readonly title: string;
  /** What a chart says about its direction; null where a row is none. */
  readonly chart: 'less is better' | 'more is better' | null;
  /** Draws a line here, in the bars' unit: the host itself. */
  readonly reference: number | null;
  /** In the order of the report's subjects. */
  readonly cells: readonly Cell[];
}

export interface Section {
  readonly title: string;
  readonly rows: readonly Row[];
}

/** The textbook's rows: overhead, performance, operating system, start-up, storage, isolation, capacity. Pure. */
export function sectionsOf(report: ComparisonReport): Section[] {
  const row = (
    title: string,
    cell: (subject: SubjectReport) => Cell,
    chart: Row['chart'] = null,
    reference: number | null = null,
  ): Row => ({ title, chart, reference, cells: report.subjects.map(cell) });
  const throughput = (title: string, kind: ThroughputKind): Row =>
    row(title, (subject) => throughputCell(subject, kind), 'more is better', 1);
  return [
    { title: 'Overhead', rows: [row('memory', memoryCell, 'less is better')] },
    {
      title: 'Performance (the host is 100%)',
      rows: [
        throughput('CPU', 'cpu'),
        throughput('disk, writing', 'diskWrite'),
        throughput('disk, reading', 'diskRead'),
        throughput('network, in', 'networkIn'),
        throughput('network, out', 'networkOut'),
      ],
    },
    { title: 'Operating system', rows: [row('kernel', kernelCell)] },
    {
      title: 'Start-up to the first answer',
      rows: [
        row('made once before', preparationCell),
        row('cold', ({ start }) => show(start.cold, timesCell), 'less is better'),
        row('warm', warmCell, 'less is better'),
      ],
    },
    {
      title: 'Storage',
      rows: [
        row('of each instance', ({ storage }) => figure(storage.unique, bytesText)),
        row('shared by all', sharedCell, 'less is better'),
      ],
    },
    { title: 'Isolation', rows: mechanismRows(report) },
    { title: 'Capacity', rows: [row('fit in memory, at most', capacityCell, 'more is better')] },
  ];
}

function show<T>(figureOrWhy: Measured<T>, cell: (value: T) => Cell): Cell {
  return 'value' in figureOrWhy ? cell(figureOrWhy.value) : { missing: figureOrWhy.notMeasured };
}

function figure(value: Measured<number>, text: (value: number) => string): Cell {
  return show(value, (one) => ({ text: text(one), more: '', bar: { value: one, min: one, max: one } }));
}

function sampleCell(sample: Sample, text: (value: number) => string, more: string): Cell {
  const { median, min, max, samples } = sample;
  const spread = samples.length > 1 ? `${text(min)} to ${text(max)}` : '';
  return {
    text: text(median),
    more: [spread, more].filter((part) => part !== '').join('; '),
    bar: { value: median, min, max },
  };
}

function memoryCell({ memory }: SubjectReport): Cell {
  return show(memory, ({ pss, unique, shared }) =>
    sampleCell(pss, bytesText, `own ${bytesText(unique)}, shareable ${bytesText(shared)}`),
  );
}

function throughputCell({ throughput }: SubjectReport, kind: ThroughputKind): Cell {
  const rate = kind === 'cpu' ? operationRateText : byteRateText;
  return show(throughput[kind], ({ relative, perSecond }) =>
    sampleCell(relative, percentText, rate(perSecond.median)),
  );
}

function kernelCell({ kernel }: SubjectReport): Cell {
  return show(kernel, ({ release, shared }) => ({
    text: shared ? 'the host’s' : 'its own',
    more: release,
    bar: null,
  }));
}

function timesCell(times: StartTimes): Cell {
  const { total } = times;
  return { text: timeText(total), more: partsText(times), bar: { value: total, min: total, max: total } };
}

function warmCell({ start }: SubjectReport): Cell {
  const parts = 'value' in start.warmParts ? partsText(start.warmParts.value) : '';
  return show(start.warm, (warm) => sampleCell(warm, timeText, parts));
}

function partsText({ create, start, ready }: StartTimes): string {
  return `create ${timeText(create)}, start ${timeText(start)}, ready ${timeText(ready)}`;
}

/** Where nothing was made there is nothing to miss. */
function preparationCell({ start }: SubjectReport): Cell {
  const { preparation } = start;
  return 'value' in preparation
    ? figure(preparation, timeText)
    : { text: '–', more: preparation.notMeasured, bar: null };
}

function sharedCell({ storage }: SubjectReport): Cell {
  return show(storage.shared, ({ bytes, parts }) => ({
    text: bytesText(bytes),
    more: parts.map((part) => `${part.what} ${bytesText(part.bytes)}`).join(', '),
    bar: { value: bytes, min: bytes, max: bytes },
  }));
}

function capacityCell({ capacity }: SubjectReport): Cell {
  return show(capacity, ({ instances, formula }) => ({
    text: countText(instances),
    more: formula,
    bar: { value: instances, min: instances, max: instances },
  }));
}

/** A row for each mechanism that some subject has or could have. */
function mechanismRows({ subjects }: ComparisonReport): Row[] {
  const lists = subjects.flatMap(({ mechanisms }) => ('value' in mechanisms ? [mechanisms.value] : []));
  // The longest list first: it has the names in their order, and those that apply to a VM alone.
  const names = new Set(
    lists
      .toSorted((one, other) => other.length - one.length)
      .flatMap((list) => list.map((mechanism) => mechanism.name)),
  );
  if (names.size === 0 && subjects.length > 0) {
    const cells = subjects.map(({ mechanisms }) => show(mechanisms, () => ({ missing: 'nothing was seen' })));
    return [{ title: 'mechanisms', chart: null, reference: null, cells }];
  }
  return [...names].map((name) => ({
    title: name,
    chart: null,
    reference: null,
    cells: subjects.map(({ mechanisms }) => show(mechanisms, (all) => mechanismCell(all, name))),
  }));
}

function mechanismCell(all: readonly Mechanism[], name: Mechanism['name']): Cell {
  const found = all.find((mechanism) => mechanism.name === name);
  if (found === undefined) return { text: '–', more: 'does not apply', bar: null };
  return found.active
    ? { text: `yes: ${found.detail}`, more: '', bar: null }
    : { text: 'no', more: found.detail, bar: null };
}
