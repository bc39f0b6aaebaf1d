import type { Summary } from './statistics.ts';

/** One line of a table: what was measured, its value, and how it compares. */
export interface Row {
  readonly name: string;
  readonly unit: 'ms' | 'MB' | 'KB' | 'MB/s';
  readonly summary: Summary;
  /** How many times more than the table's reference; absent for the reference itself and where it makes no sense. */
  readonly ratio?: Summary;
  /** What is asked of it, and whether it holds. */
  readonly goal?: { readonly text: string; readonly met: boolean };
  readonly note?: string;
}

export interface Table {
  readonly title: string;
  /** How it was measured, for someone who wants to judge it. */
  readonly method: string;
  /** What the ratios refer to. */
  readonly reference?: string;
  readonly rows: readonly Row[];
}
