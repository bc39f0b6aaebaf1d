import { linearRegex, type TextPattern } from '../../lib/linear-regex.ts';
import type { InstanceConfig } from '../../model/instance.ts';

/**
 * What `docker logs --details` puts before each record: the labels and the environment that the log options `labels`, `env` and their
 * `-regex` forms choose, as `name=value` with commas between, sorted and escaped as in a query. Empty where nothing is chosen.
 */
export function logDetails({ labels, process, options }: InstanceConfig): string {
  const asked = options.log?.options ?? {};
  const environment = process.env.map((entry): [string, string] => {
    const equals = entry.indexOf('=');
    return [entry.slice(0, equals), entry.slice(equals + 1)];
  });
  const chosen = new Map([
    ...choose(Object.entries(labels), asked['labels'], asked['labels-regex']),
    ...choose(environment, asked['env'], asked['env-regex']),
  ]);
  return [...chosen]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${escaped(name)}=${escaped(value)}`)
    .join(',');
}

function choose(
  entries: readonly [string, string][],
  names: string | undefined,
  pattern: string | undefined,
): [string, string][] {
  const wanted = (names ?? '').split(',');
  const matching = pattern === undefined || pattern === '' ? null : expression(pattern);
  return entries.filter(([name]) => wanted.includes(name) || matching?.test(name) === true);
}

/** Null for what is no regular expression here. */
function expression(pattern: string): TextPattern | null {
  try {
    return linearRegex(pattern);
  } catch {
    return null;
  }
}

/** As Go escapes a query. */
const escaped = (text: string) => encodeURIComponent(text).replaceAll('%20', '+');
