import { readFileSync } from 'node:fs';
import type { LinkCounters } from './network.ts';

const FIELDS = ['bytes', 'packets', 'errors', 'dropped'] as const;

/** The counters of a veth's host end, turned round: what the host end sent is what the instance received. Null when the link is gone. */
export function readCounters(hostLink: string): LinkCounters | null {
  try {
    const [rxBytes, rxPackets, rxErrors, rxDropped] = read(hostLink, 'tx');
    const [txBytes, txPackets, txErrors, txDropped] = read(hostLink, 'rx');
    return { rxBytes, rxPackets, rxErrors, rxDropped, txBytes, txPackets, txErrors, txDropped };
  } catch {
    return null;
  }
}

function read(link: string, direction: 'rx' | 'tx'): [number, number, number, number] {
  const value = (name: string) =>
    Number(readFileSync(`/sys/class/net/${link}/statistics/${direction}_${name}`, 'utf8'));
  const [bytes, packets, errors, dropped] = FIELDS;
  return [value(bytes), value(packets), value(errors), value(dropped)];
}
