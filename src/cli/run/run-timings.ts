/** Where the time of `hull run` goes: marks of the command, and what the engine says of its steps in the header Server-Timing. */
export class RunTimings {
  readonly #marks: { readonly name: string; readonly at: number }[] = [];
  #engine = '';

  /** Milliseconds since the process began. */
  mark(name: string): void {
    this.#marks.push({ name, at: performance.now() });
  }

  /** The header of the answer to start; see `parseServerTiming`. */
  engineSays(header: string): void {
    this.#engine = header;
  }

  /** A line for each mark and step. */
  toString(): string {
    const line = (at: number, text: string) => `${at.toFixed(1).padStart(8)} ms  ${text}\n`;
    const own = this.#marks.map(({ name, at }) => line(at, name));
    const steps = parseServerTiming(this.#engine);
    const part = (title: string, isAhead: boolean): string[] => {
      const lines = steps
        .filter(({ name }) => name.startsWith(AHEAD) === isAhead)
        .map(({ name, at }) => line(at, name.replace(AHEAD, '').replaceAll('-', ' ')));
      return lines.length === 0 ? [] : [`${title}\n`, ...lines];
    };
    return [
      'since the command began\n',
      ...own,
      ...part('in the engine, since create: the run was made ahead of its start', true),
      ...part('in the engine, since start', false),
    ].join('');
  }
}

const AHEAD = 'ahead-';

/** The metrics of a header Server-Timing (W3C) that have a duration, in milliseconds; anything else is skipped. */
export function parseServerTiming(header: string): { name: string; at: number }[] {
  return header.split(',').flatMap((metric) => {
    const [, name, duration] = /^\s*([\w-]+);dur=(\d+(?:\.\d+)?)\s*$/.exec(metric) ?? [];
    return name === undefined ? [] : [{ name, at: Number(duration) }];
  });
}
