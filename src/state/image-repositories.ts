import type { Digest } from '../model/image.ts';
import type { Database, SqlRow } from './database.ts';
import type {
  BlobRecord,
  BlobRepository,
  ImageRecord,
  ImageRepository,
  LayerRecord,
  LayerRepository,
} from './repositories.ts';
import { integer, json, text } from './rows.ts';

export function blobRepository(database: Database): BlobRepository {
  return {
    find: (digest) => optional(database.get('SELECT * FROM blobs WHERE digest = ?', digest), toBlob),
    list: () => database.all('SELECT * FROM blobs ORDER BY digest').map(toBlob),
    add: ({ digest, size }) =>
      database.run('INSERT OR IGNORE INTO blobs VALUES (?, ?, ?)', digest, size, Date.now()),
    remove: (digest) => database.run('DELETE FROM blobs WHERE digest = ?', digest),
    unused: () =>
      database
        .all(
          `SELECT * FROM blobs WHERE digest NOT IN
            (SELECT id FROM images UNION SELECT manifest_digest FROM images UNION SELECT blob_digest FROM layers
              UNION SELECT digest FROM image_blobs)`,
        )
        .map(toBlob),
  };
}

export function layerRepository(database: Database): LayerRepository {
  return {
    find: (diffId) => optional(database.get('SELECT * FROM layers WHERE diff_id = ?', diffId), toLayer),
    list: () => database.all('SELECT * FROM layers ORDER BY diff_id').map(toLayer),
    add: ({ diffId, folder, blob, unpackedSize }) =>
      database.run(
        'INSERT INTO layers VALUES (?, ?, ?, ?, ?, ?, ?)',
        diffId,
        folder,
        blob.digest,
        blob.size,
        blob.mediaType,
        unpackedSize,
        Date.now(),
      ),
    remove: (diffId) => database.run('DELETE FROM layers WHERE diff_id = ?', diffId),
    unused: () =>
      database
        .all('SELECT * FROM layers WHERE diff_id NOT IN (SELECT diff_id FROM image_layers)')
        .map(toLayer),
  };
}

export function imageRepository(database: Database): ImageRepository {
  return {
    find: (id) => optional(database.get('SELECT * FROM images WHERE id = ?', id), toImage),
    list: () => database.all('SELECT * FROM images ORDER BY stored_at DESC, id').map(toImage),
    findByPrefix: (hex, limit) =>
      // A range, not LIKE: the primary key serves it.
      database
        .all(
          'SELECT id FROM images WHERE id >= ? AND id < ? ORDER BY id LIMIT ?',
          `sha256:${hex}`,
          `sha256:${hex}g`,
          limit,
        )
        .map((row) => text(row, 'id') as Digest),
    findByManifest: (digest) =>
      optional(
        database.get('SELECT id FROM images WHERE manifest_digest = ?', digest),
        (row) => text(row, 'id') as Digest,
      ),
    add: (image) => addImage(database, image),
    remove: (id) => database.run('DELETE FROM images WHERE id = ?', id),
    resolve: (reference) =>
      optional(
        database.get('SELECT image_id FROM image_references WHERE reference = ?', reference),
        (row) => text(row, 'image_id') as Digest,
      ),
    references: (id) =>
      database
        .all('SELECT reference FROM image_references WHERE image_id = ? ORDER BY reference', id)
        .map((row) => text(row, 'reference')),
    blobs: (id) =>
      database
        .all('SELECT digest FROM image_blobs WHERE image_id = ? ORDER BY digest', id)
        .map((row) => text(row, 'digest') as Digest),
    addBlob: (id, digest) => database.run('INSERT OR IGNORE INTO image_blobs VALUES (?, ?)', id, digest),
    setReference: (reference, id) =>
      database.run('INSERT OR REPLACE INTO image_references VALUES (?, ?)', reference, id),
    removeReference: (reference) =>
      database.run('DELETE FROM image_references WHERE reference = ?', reference),
  };
}

function addImage(database: Database, image: ImageRecord): void {
  database.transaction(() => {
    database.run(
      `INSERT INTO images VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET manifest_digest = excluded.manifest_digest, manifest = excluded.manifest, stored_at = excluded.stored_at`,
      image.id,
      image.manifestDigest,
      JSON.stringify(image.manifest),
      JSON.stringify(image.config),
      image.storedAt,
    );
    for (const [position, diffId] of image.config.rootfs.diff_ids.entries()) {
      database.run('INSERT OR REPLACE INTO image_layers VALUES (?, ?, ?)', image.id, position, diffId);
    }
  });
}

function toBlob(row: SqlRow): BlobRecord {
  return { digest: text(row, 'digest') as Digest, size: integer(row, 'size') };
}

function toLayer(row: SqlRow): LayerRecord {
  return {
    diffId: text(row, 'diff_id') as Digest,
    folder: text(row, 'folder'),
    blob: {
      mediaType: text(row, 'media_type'),
      digest: text(row, 'blob_digest') as Digest,
      size: integer(row, 'blob_size'),
    },
    unpackedSize: integer(row, 'unpacked_size'),
  };
}

function toImage(row: SqlRow): ImageRecord {
  return {
    id: text(row, 'id') as Digest,
    manifestDigest: text(row, 'manifest_digest') as Digest,
    manifest: json(row, 'manifest'),
    config: json(row, 'config'),
    storedAt: integer(row, 'stored_at'),
  };
}

function optional<T>(row: SqlRow | null, convert: (row: SqlRow) => T): T | null {
  return row === null ? null : convert(row);
}
