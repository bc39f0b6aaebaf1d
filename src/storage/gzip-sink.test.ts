import { expect, test } from 'bun:test';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { DescriptorSink, GzipSink } from './compression.ts';

test('the same bytes give the same blob, whatever pieces they come in', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hull-gzip-'));
  const data = Buffer.from(
    Array.from({ length: 120_000 }, (_, index) => `line ${(index * 7919) % 5003}\n`).join(''),
  );
  try {
    const blobs: Buffer[] = [];
    for (const piece of [1000, 4096, 65_536, 300_001, data.length]) {
      const path = join(folder, String(piece));
      const descriptor = openSync(path, 'wx');
      const gzip = new GzipSink(new DescriptorSink(descriptor));
      for (let at = 0; at < data.length; at += piece) await gzip.write(data.subarray(at, at + piece));
      await gzip.end();
      closeSync(descriptor);
      blobs.push(readFileSync(path));
    }
    expect(gunzipSync(blobs[0] ?? '').equals(data)).toBe(true);
    expect(blobs.map((blob) => blob.equals(blobs[0] ?? Buffer.alloc(0)))).toEqual(blobs.map(() => true));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
