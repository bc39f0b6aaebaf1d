import { findByNameOrId } from '../../lib/lookup.ts';
import { HullError } from '../../model/errors.ts';

/** A row of an instance that cannot be understood: what it says is not believed, and what belongs to it is not touched. */
export interface DamagedInstance {
  readonly id: string;
  /** Where it can still be read; else the beginning of the id. */
  readonly name: string;
  /** What is wrong with it, in one line. */
  readonly fault: string;
  /** The row's text. */
  readonly text: string;
}

/** Instances whose records are damaged, by id. */
export class DamagedInstances {
  readonly #byId = new Map<string, DamagedInstance>();

  add(id: string, text: string, fault: string): void {
    this.#byId.set(id, { id, name: nameIn(text) ?? id.slice(0, 12), fault, text });
  }

  delete(id: string): void {
    this.#byId.delete(id);
  }

  list(): readonly DamagedInstance[] {
    return [...this.#byId.values()];
  }

  /** By name, id or the beginning of an id. */
  find(wanted: string): DamagedInstance | null {
    const found = findByNameOrId(this.list(), wanted, { id: ({ id }) => id, name: ({ name }) => name });
    return 'one' in found ? found.one : null;
  }

  /** The first whose record, as far as it is there, names something: it may use that. */
  naming(what: string): DamagedInstance | null {
    return this.list().find(({ text }) => text.includes(what)) ?? null;
  }

  /** Throws `state-corrupt` while there are any: nobody can say what they use. */
  refuseGuessing(what: string): void {
    const [first] = this.#byId.values();
    if (first === undefined) return;
    throw new HullError(
      'state-corrupt',
      `${what} is refused while the record of ${first.name} is damaged, because what it uses is unknown; see hull check`,
    );
  }
}

/** What to say to those who ask for one. */
export function damagedError({ name, fault }: DamagedInstance): HullError {
  return new HullError(
    'state-corrupt',
    `the record of ${name} is damaged (${fault}); \`hull check --repair\` restores it where it can, \`hull rm -f ${name}\` ends what runs of it and sets its files aside`,
  );
}

function nameIn(text: string): string | null {
  const name: unknown = /"name":"([a-zA-Z0-9][a-zA-Z0-9_.-]*)"/.exec(text)?.[1];
  return typeof name === 'string' ? name : null;
}
