/** A full reference as people write it: `docker.io/library/debian:12` is `debian:12`. */
export function familiarName(reference: string): string {
  if (reference.startsWith('docker.io/library/')) return reference.slice('docker.io/library/'.length);
  if (reference.startsWith('docker.io/')) return reference.slice('docker.io/'.length);
  return reference;
}

/** Splits off the tag: `[repository, tag]`; the tag is empty where there is none. */
export function splitTag(reference: string): readonly [repository: string, tag: string] {
  const colon = reference.lastIndexOf(':');
  return colon > reference.lastIndexOf('/')
    ? [reference.slice(0, colon), reference.slice(colon + 1)]
    : [reference, ''];
}
