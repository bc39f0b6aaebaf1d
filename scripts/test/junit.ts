/** What one run of a test runner came to. */
export interface Report {
  readonly passed: number;
  readonly failed: readonly string[];
  /** Names of the tests that did not run; each name, or the message, states the reason. */
  readonly skipped: readonly string[];
}

/**
 * Reads the JUnit XML that `bun test --reporter=junit` writes: `testcase` elements, empty or holding `failure`, `error` or `skipped`.
 * Attribute values are escaped, so a `>` ends a tag.
 */
export function parseJunit(xml: string): Report {
  const failed: string[] = [];
  const skipped: string[] = [];
  let passed = 0;
  for (const match of xml.matchAll(/<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)) {
    const [, attributes = '', body = ''] = match;
    const name = testName(attributes);
    if (/<(failure|error)\b/.test(body)) failed.push(name);
    else if (/<skipped\b/.test(body)) skipped.push(name);
    else passed += 1;
  }
  return { passed, failed, skipped };
}

function testName(attributes: string): string {
  const parts = [
    attribute(attributes, 'file'),
    attribute(attributes, 'classname'),
    attribute(attributes, 'name'),
  ];
  return parts.filter((part) => part !== '').join(' > ');
}

function attribute(attributes: string, name: string): string {
  const match = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(attributes);
  return unescapeXml(match?.[1] ?? '');
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function unescapeXml(text: string): string {
  return text.replace(
    /&(?:#(\d+)|#x([0-9a-fA-F]+)|(\w+));/g,
    (whole, decimal?: string, hex?: string, name?: string) => {
      if (decimal !== undefined) return character(Number(decimal), whole);
      if (hex !== undefined) return character(Number.parseInt(hex, 16), whole);
      return ENTITIES[name ?? ''] ?? whole;
    },
  );
}

function character(code: number, whole: string): string {
  return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
}
