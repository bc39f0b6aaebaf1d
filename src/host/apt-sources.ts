import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One source of binary packages, as apt would use it. */
export interface AptSource {
  readonly uri: string;
  /** `bookworm`, `bookworm-security`, … */
  readonly suite: string;
  readonly components: readonly string[];
  /** Keyring files; empty for apt's own trusted keys. */
  readonly signedBy: readonly string[];
  readonly trusted: boolean;
}

/** Reads apt's configured sources (sources.list(5)), both formats. Unreadable files are left out, as apt warns and goes on. */
export function readAptSources(folder = '/etc/apt'): AptSource[] {
  const sources = parseOneLine(readOrEmpty(join(folder, 'sources.list')));
  for (const name of listOrEmpty(join(folder, 'sources.list.d'))) {
    const text = readOrEmpty(join(folder, 'sources.list.d', name));
    if (name.endsWith('.list')) sources.push(...parseOneLine(text));
    if (name.endsWith('.sources')) sources.push(...parseDeb822(text));
  }
  return sources;
}

/** `deb [options] uri suite component…`, one a line. */
export function parseOneLine(text: string): AptSource[] {
  const sources: AptSource[] = [];
  for (const line of text.split('\n')) {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)([^#]*)/.exec(line);
    if (match === null) continue;
    const [, options = '', uri = '', suite = '', components = ''] = match;
    const settings = new Map(
      words(options).map((option) => [
        option.split('=')[0]?.toLowerCase() ?? '',
        option.slice(option.indexOf('=') + 1),
      ]),
    );
    sources.push({
      uri,
      suite,
      components: words(components),
      signedBy: (settings.get('signed-by') ?? '').split(',').filter((part) => part !== ''),
      trusted: settings.get('trusted') === 'yes',
    });
  }
  return sources;
}

/** Paragraphs of `Field: value`, continued by indented lines. Keys that are written into the file itself are not supported. */
export function parseDeb822(text: string): AptSource[] {
  const lines = text.split('\n').filter((line) => !line.startsWith('#'));
  return lines
    .join('\n')
    .split(/\n\s*\n/)
    .flatMap((paragraph) => fromFields(parseFields(paragraph)));
}

/** As a line for `parseOneLine` and apt. */
export function formatAptSource({ uri, suite, components, signedBy, trusted }: AptSource): string {
  const options = [
    ...(signedBy.length > 0 ? [`signed-by=${signedBy.join(',')}`] : []),
    ...(trusted ? ['trusted=yes'] : []),
  ];
  return ['deb', ...(options.length > 0 ? [`[${options.join(' ')}]`] : []), uri, suite, ...components].join(
    ' ',
  );
}

function parseFields(paragraph: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const match of paragraph.matchAll(/^([!-9;-~]+):[ \t]*(.*(?:\n[ \t]+.*)*)/gm)) {
    fields.set((match[1] ?? '').toLowerCase(), (match[2] ?? '').trim());
  }
  return fields;
}

function fromFields(fields: ReadonlyMap<string, string>): AptSource[] {
  const list = (name: string) => words(fields.get(name) ?? '');
  if (!list('types').includes('deb') || /^(no|false|0)$/i.test(fields.get('enabled') ?? '')) return [];
  const signedBy = fields.get('signed-by') ?? '';
  if (signedBy.includes('-----BEGIN')) return [];
  const trusted = fields.get('trusted') === 'yes';
  return list('uris').flatMap((uri) =>
    list('suites').map((suite) => ({
      uri,
      suite,
      components: list('components'),
      signedBy: words(signedBy.replaceAll(',', ' ')),
      trusted,
    })),
  );
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function listOrEmpty(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted();
  } catch {
    return [];
  }
}
