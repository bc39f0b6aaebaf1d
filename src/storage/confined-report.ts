/** Last line on standard error of a confined process. */
export type ConfinedReport<T> =
  | { readonly ok: true; readonly result: T }
  | {
      readonly ok: false;
      readonly reason: 'archive' | 'no-space' | 'not-found' | 'other';
      readonly message: string;
    };
