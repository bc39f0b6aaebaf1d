import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import guest from '../../dist/guest/hull-guest' with { type: 'file' };
import jail from '../../dist/guest/hull-jail' with { type: 'file' };
import measure from '../../dist/guest/hull-measure' with { type: 'file' };
import recorder from '../../dist/guest/hull-recorder' with { type: 'file' };

/** PID 1 of VMs: only read, so it may stay inside the executable. */
export const GUEST_PROGRAM: string = guest;

/** What starts QEMU: executed from a copy in memory. */
export const JAIL_PROGRAM: string = jail;

/** Puts the measuring program, which is mounted into instances, where it is a file. Returns its path. */
export function placeMeasureProgram(runDir: string): string {
  return place(runDir, 'hull-measure', measure);
}

/** Puts the program that writes what VMs say where it is a file. Returns its path. */
export function placeRecorder(runDir: string): string {
  return place(runDir, 'hull-recorder', recorder);
}

function place(runDir: string, name: string, embedded: string): string {
  const folder = join(runDir, 'programs');
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  const path = join(folder, name);
  writeFileSync(path, readFileSync(embedded), { mode: 0o755 });
  return path;
}
