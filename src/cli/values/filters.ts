import { UsageError } from '../usage-error.ts';

/** `--filter name=a --filter name=b`: values by key. Throws `UsageError`. */
export function parseFilters(given: readonly string[]): Map<string, string[]> {
  const filters = new Map<string, string[]>();
  for (const filter of given) {
    const at = filter.indexOf('=');
    if (at <= 0)
      throw new UsageError(`invalid filter ${JSON.stringify(filter)}: it must look like 'name=value'`);
    const key = filter.slice(0, at).trim().toLowerCase();
    filters.set(key, [...(filters.get(key) ?? []), filter.slice(at + 1).trim()]);
  }
  return filters;
}
