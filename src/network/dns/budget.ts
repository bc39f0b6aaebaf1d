/** What one instance may have of the resolver, and all together. */
export interface BudgetLimits {
  /** Queries a second that are looked at in the long run, and at once after a pause; others are dropped unread. */
  readonly rate: number;
  readonly burst: number;
  /** Queries under way to the host's resolvers: of all, of one instance, and what is kept for those that have few. */
  readonly forwarded: {
    readonly all: number;
    readonly each: number;
    readonly kept: number;
    readonly few: number;
  };
  /** TCP connections, in the same way. */
  readonly connections: BudgetLimits['forwarded'];
}

/** A package manager that looks up everything at once stays far below; 300 instances that all do have their share. */
export const BUDGET_LIMITS: BudgetLimits = {
  rate: 1000,
  burst: 1000,
  forwarded: { all: 768, each: 64, kept: 512, few: 4 },
  connections: { all: 256, each: 16, kept: 128, few: 2 },
};

/** Things that are counted by who has them: nobody can take what others need. */
class FairCount {
  readonly #limits: BudgetLimits['forwarded'];
  readonly #held = new Map<string, number>();
  #all = 0;

  constructor(limits: BudgetLimits['forwarded']) {
    this.#limits = limits;
  }

  take(client: string): boolean {
    const { all, each, kept, few } = this.#limits;
    const own = this.#held.get(client) ?? 0;
    const scarce = this.#all >= all - kept;
    if (this.#all >= all || own >= each || (scarce && own >= few)) return false;
    this.#held.set(client, own + 1);
    this.#all += 1;
    return true;
  }

  give(client: string): void {
    const own = this.#held.get(client) ?? 0;
    if (own <= 1) this.#held.delete(client);
    else this.#held.set(client, own - 1);
    this.#all -= 1;
  }
}

/** What each client of the resolver has used. A client is an instance, whatever addresses it has. */
export class ClientBudgets {
  readonly forwarded: FairCount;
  readonly connections: FairCount;
  readonly #limits: BudgetLimits;
  readonly #now: () => number;
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  /** `now`: milliseconds. */
  constructor(limits: BudgetLimits = BUDGET_LIMITS, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
    this.forwarded = new FairCount(limits.forwarded);
    this.connections = new FairCount(limits.connections);
  }

  /** May one more query of this client be looked at? */
  admits(client: string): boolean {
    const { rate, burst } = this.#limits;
    const now = this.#now();
    const bucket = this.#buckets.get(client) ?? { tokens: burst, at: now };
    bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) / 1000) * rate);
    bucket.at = now;
    this.#buckets.set(client, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  /** The client is no more. */
  forget(client: string): void {
    this.#buckets.delete(client);
  }
}
