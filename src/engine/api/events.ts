/** Docker's event shape, so that old clients understand it. */
export interface EngineEvent {
  readonly type: 'container' | 'image' | 'volume' | 'network' | 'daemon' | 'builder';
  readonly action: string;
  readonly actor: { readonly id: string; readonly attributes: Readonly<Record<string, string>> };
  /** Nanoseconds since the epoch. */
  readonly timeNano: bigint;
}

export interface EventQuery {
  /** Nanoseconds since the epoch. */
  readonly since: bigint | null;
  readonly until: bigint | null;
}

export interface Events {
  /** Past events from `since` on, then live ones until `until` (or for ever): none lost in between. */
  subscribe(query: EventQuery, signal?: AbortSignal): AsyncIterable<EngineEvent>;
}
