import { HullError } from '../../model/errors.ts';

/** Docker's rule. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
/** Bytes of a file's name. A mark of 13 may be added. */
const MAX_LENGTH = 242;

/** Refuses what Docker refuses, in its words. `operation` such as `create`. */
export function checkVolumeName(operation: string, name: string): void {
  const refuse = (why: string): never => {
    throw new HullError('invalid-argument', `${operation} ${name.slice(0, 300)}: ${why}`);
  };
  if (name.length === 1)
    refuse('volume name is too short, names should be at least two alphanumeric characters');
  if (!NAME.test(name)) {
    refuse(
      `${JSON.stringify(name.slice(0, 300))} includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
    );
  }
  if (name.length > MAX_LENGTH) refuse(`the name is longer than ${MAX_LENGTH} characters`);
}

/** As for volumes; `snapshot` is the user's word. */
export function checkSnapshotName(name: string): void {
  if (NAME.test(name) && name.length <= MAX_LENGTH) return;
  throw new HullError(
    'invalid-argument',
    `${JSON.stringify(name.slice(0, 300))} is no name for a snapshot: use letters, digits, "_", "." and "-", at least two of them`,
  );
}
