/** How an instance is kept apart from the host. */
export const ISOLATIONS = ['container', 'sandbox', 'vm'] as const;
export type Isolation = (typeof ISOLATIONS)[number];
export const isIsolation = (name: string): name is Isolation =>
  (ISOLATIONS as readonly string[]).includes(name);

/** Whether the host can run an isolation, and why not. */
export type Availability =
  | { readonly available: true; readonly detail: string; readonly warnings: readonly string[] }
  | { readonly available: false; readonly reason: string };
