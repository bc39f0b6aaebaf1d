import { isIP } from 'node:net';

/** The parts of resolv.conf(5) that matter here. */
export interface ResolvConf {
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}

/** Parses resolv.conf(5): the last `search` or `domain` line counts, scopes (`fe80::1%eth0`) stay, what is malformed is skipped. */
export function parseResolvConf(text: string): ResolvConf {
  const nameservers: string[] = [];
  const options: string[] = [];
  let search: string[] = [];
  for (const line of text.split('\n')) {
    const [said = ''] = line.split(/[#;]/, 1);
    const [keyword = '', ...values] = said.trim().split(/\s+/);
    if (keyword === 'nameserver' && isIP(values[0] ?? '') !== 0) nameservers.push(values[0] ?? '');
    if ((keyword === 'search' || keyword === 'domain') && values.length > 0) search = values;
    if (keyword === 'options') options.push(...values);
  }
  return {
    nameservers: [...new Set(nameservers)],
    search: search.filter((domain) => domain !== '.'),
    options,
  };
}
