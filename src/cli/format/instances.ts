import type { ContainerSummary, PortSummary } from '../../../api/docker.ts';
import type { Row } from './listing.ts';
import { ago, humanSize, localTime } from './units.ts';

const SHORT_ID = 12;

/** Titles of everything that a row of `hull ps` can show. */
export const INSTANCE_TITLES = {
  Command: 'COMMAND',
  CreatedAt: 'CREATED AT',
  ID: 'CONTAINER ID',
  Image: 'IMAGE',
  Isolation: 'ISOLATION',
  Label: (name: string) => name,
  Labels: 'LABELS',
  LocalVolumes: 'LOCAL VOLUMES',
  Mounts: 'MOUNTS',
  Names: 'NAMES',
  Networks: 'NETWORKS',
  Ports: 'PORTS',
  RunningFor: 'CREATED',
  Size: 'SIZE',
  State: 'STATE',
  Status: 'STATUS',
} as const;

/** One row of `hull ps`, fields as docker prints them and in the alphabet's order. */
export function instanceRow(summary: ContainerSummary, options: { truncate: boolean; now?: number }): Row {
  const { truncate } = options;
  const names = summary.Names.map((name) => name.replace(/^\//, ''));
  return {
    Command: quoted(truncate ? ellipsis(summary.Command, 20) : summary.Command),
    // Computed when asked for: the first use of the local time zone costs 4 ms.
    get CreatedAt() {
      return localTime(summary.Created * 1000);
    },
    ID: truncate ? summary.Id.slice(0, SHORT_ID) : summary.Id,
    Image: shownImage(summary, truncate),
    Isolation: summary.HostConfig?.Isolation ?? '',
    Label: (name) => summary.Labels?.[name] ?? '',
    Labels: Object.entries(summary.Labels ?? {})
      .map(([name, value]) => `${name}=${value}`)
      .join(','),
    LocalVolumes: String((summary.Mounts ?? []).filter((mount) => mount.Driver === 'local').length),
    Mounts: (summary.Mounts ?? []).map((mount) => mountName(mount.Name ?? mount.Source, truncate)).join(','),
    Names: names.join(','),
    Networks: Object.keys(summary.NetworkSettings?.Networks ?? {}).join(','),
    Ports: shownPorts(summary.Ports ?? []),
    RunningFor: ago(summary.Created * 1000, options.now),
    Size: shownSize(summary),
    State: summary.State,
    Status: summary.Status,
  };
}

function shownImage({ Image, ImageID }: ContainerSummary, truncate: boolean): string {
  if (Image === '') return '<no image>';
  const digest = ImageID.replace(/^sha256:/, '');
  // Nothing names the image any more: its id, shortened.
  if (truncate && (Image === ImageID || Image === digest)) return digest.slice(0, SHORT_ID);
  return truncate ? Image.replace(/@sha256:[0-9a-f]+$/, '') : Image;
}

function mountName(name: string, truncate: boolean): string {
  return truncate ? ellipsis(name, 15) : name;
}

function shownSize({ SizeRw = 0, SizeRootFs = 0 }: ContainerSummary): string {
  const own = humanSize(SizeRw, 3);
  return SizeRootFs > 0 ? `${own} (virtual ${humanSize(SizeRootFs, 3)})` : own;
}

/** At most `length` characters, the last one `…` when something was cut. */
export function ellipsis(text: string, length: number): string {
  const characters = Array.from(text);
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`;
}

/** As Go's strconv.Quote. */
function quoted(text: string): string {
  return `"${Array.from(text, escaped).join('')}"`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\n': String.raw`\n`,
  '\t': String.raw`\t`,
  '\r': String.raw`\r`,
  '"': String.raw`\"`,
  '\\': '\\\\',
};

function escaped(character: string): string {
  const code = character.charCodeAt(0);
  const control = code < 32 || code === 127;
  return ESCAPES[character] ?? (control ? String.raw`\x${code.toString(16).padStart(2, '0')}` : character);
}

/** `0.0.0.0:8080->80/tcp, 443/tcp`; neighbours of one kind are joined: `8000-8002->8000-8002/tcp`. */
export function shownPorts(ports: readonly PortSummary[]): string {
  const sorted = ports.toSorted(
    (a, b) =>
      compareText(a.Type, b.Type) || compareText(a.IP ?? '', b.IP ?? '') || a.PrivatePort - b.PrivatePort,
  );
  const groups: PortSummary[][] = [];
  for (const port of sorted) {
    const group = groups.at(-1);
    const last = group?.at(-1);
    if (group !== undefined && last !== undefined && follows(last, port)) group.push(port);
    else groups.push([port]);
  }
  return groups.map(shownGroup).join(', ');
}

function follows(last: PortSummary, port: PortSummary): boolean {
  if (last.Type !== port.Type || last.IP !== port.IP || port.PrivatePort !== last.PrivatePort + 1)
    return false;
  if (last.PublicPort === undefined || port.PublicPort === undefined)
    return last.PublicPort === port.PublicPort;
  // docker joins published ranges only where host and inside are the same numbers.
  return last.PublicPort === last.PrivatePort && port.PublicPort === port.PrivatePort;
}

function shownGroup(group: readonly PortSummary[]): string {
  const [first] = group;
  const last = group.at(-1);
  if (first === undefined || last === undefined) return '';
  const range = (from?: number, to?: number) => (from === to ? String(from) : `${from}-${to}`);
  const inside = `${range(first.PrivatePort, last.PrivatePort)}/${first.Type}`;
  if (first.PublicPort === undefined) return inside;
  const address = first.IP ?? '';
  const shown = address.includes(':') ? `[${address}]` : address;
  return `${shown}:${range(first.PublicPort, last.PublicPort)}->${inside}`;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
