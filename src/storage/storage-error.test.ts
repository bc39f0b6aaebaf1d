import { describe, expect, test } from 'bun:test';
import { HullError } from '../model/errors.ts';
import { storageError } from './storage-error.ts';

const codeOf = (said: string): string => {
  const error = storageError(new Error(said), 'cannot make a disk');
  return error instanceof HullError ? error.code : 'as it was';
};

describe('an error of the store', () => {
  test.each([
    ['EROFS: read-only file system, open', 'data-read-only'],
    ['mkfs.ext4: Read-only file system while opening', 'data-read-only'],
    ['attempt to write a readonly database', 'data-read-only'],
    ['ENOSPC: no space left on device, write', 'no-space'],
    ['mkfs.erofs ended with status 1: <E> erofs: Could not format the device', 'as it was'],
  ])('%p is told as %p', (said, code) => {
    expect(codeOf(said)).toBe(code);
  });
});
