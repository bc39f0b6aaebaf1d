import { HullError } from '../../model/errors.ts';

/** Whether a port is in the range. */
export type PortTest = (port: number, protocol: string) => boolean;

/** `80`, `80/udp`, `8000-8080/tcp`: what a filter on ports matches. Throws `invalid-argument` naming the filter. */
export function portRange(filter: string, text: string): PortTest {
  const found = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/([a-zA-Z]+))?$/.exec(text);
  const first = Number(found?.[1] ?? Number.NaN);
  const last = Number(found?.[2] ?? first);
  const protocol = (found?.[3] ?? 'tcp').toLowerCase();
  if (!(first <= last && last <= 65_535) || !['tcp', 'udp', 'sctp'].includes(protocol)) {
    throw new HullError(
      'invalid-argument',
      `invalid filter '${filter}=${text}': expected a port such as 80, 53/udp or 8000-8080/tcp`,
    );
  }
  return (port, type) => type === protocol && port >= first && port <= last;
}
