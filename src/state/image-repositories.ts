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
import { CONFIG_FORMAT, MANIFEST_FORMAT } from './formats.ts';
import { digest, faultIn, file, integer, json, readOrTell, text, understood } from './rows.ts';

export function blobRepository(database: Database): BlobRepository {
  return {
    find: (wanted) => optional(database.get('SELECT * FROM blobs WHERE digest = ?', wanted), toBlob),
    list: () => understood(database.all('SELECT * FROM blobs ORDER BY digest'), toBlob),
    add: (blob) =>
      database.run('INSERT OR IGNORE INTO blobs VALUES (?, ?, ?)', blob.digest, blob.size, Date.now()),
    remove: (wanted) => database.run('DELETE FROM blobs WHERE digest = ?', wanted),
    unused: () =>
      understood(
        database.all(
          `SELECT * FROM blobs WHERE digest NOT IN
            (SELECT id FROM images UNION SELECT manifest_digest FROM images UNION SELECT blob_digest FROM layers
              UNION SELECT digest FROM image_blobs)`,
        ),
        toBlob,
      ),
  };
}

export function layerRepository(database: Database): LayerRepository {
  return {
    // One that cannot be understood counts as lost: its image says so, and making the image again heals it.
    find: (diffId) =>
      understood(database.all('SELECT * FROM layers WHERE diff_id = ?', diffId), toLayer)[0] ?? null,
    list: () => understood(database.all('SELECT * FROM layers ORDER BY diff_id'), toLayer),
    folders: () => new Set(database.all('SELECT folder FROM layers').map((row) => text(row, 'folder'))),
    add: ({ diffId, folder, blob, unpackedSize }) =>
      database.run(
        `INSERT INTO layers VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (diff_id) DO UPDATE SET folder = excluded.folder,
          blob_digest = excluded.blob_digest, blob_size = excluded.blob_size, media_type = excluded.media_type,
          unpacked_size = excluded.unpacked_size`,
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
      understood(
        database.all('SELECT * FROM layers WHERE diff_id NOT IN (SELECT diff_id FROM image_layers)'),
        toLayer,
      ),
  };
}

const REPAIR = '`hull check --repair` makes it again from its blobs, `hull rmi -f` removes it';

export function imageRepository(database: Database): ImageRepository {
  const known: KnownImages = new Map();
  const toImage = (row: SqlRow): ImageRecord => readImage(row, known);
  return {
    find: (id) => {
      const row = database.get('SELECT * FROM images WHERE id = ?', id);
      return row === null ? null : readOrTell(row, toImage, `the image ${id}`, REPAIR);
    },
    list: () => understood(database.all('SELECT * FROM images ORDER BY stored_at DESC, id'), toImage),
    damaged: () =>
      database.all('SELECT * FROM images ORDER BY id').flatMap((row) => {
        const fault = faultIn(row, toImage);
        if (fault === null) return [];
        return [
          { id: text(row, 'id') as Digest, manifestDigest: text(row, 'manifest_digest') as Digest, fault },
        ];
      }),
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
    findByManifest: (wanted) =>
      optional(
        database.get('SELECT id FROM images WHERE manifest_digest = ?', wanted),
        (row) => text(row, 'id') as Digest,
      ),
    add: (image) => addImage(database, image),
    remove: (id) => {
      known.delete(id);
      database.run('DELETE FROM images WHERE id = ?', id);
    },
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
    addBlob: (id, blob) => database.run('INSERT OR IGNORE INTO image_blobs VALUES (?, ?)', id, blob),
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
        ON CONFLICT (id) DO UPDATE SET manifest_digest = excluded.manifest_digest, manifest = excluded.manifest,
          config = excluded.config, stored_at = excluded.stored_at`,
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
  return { digest: digest(row, 'digest'), size: integer(row, 'size') };
}

function toLayer(row: SqlRow): LayerRecord {
  return {
    diffId: digest(row, 'diff_id'),
    folder: file(row, 'folder'),
    blob: {
      mediaType: text(row, 'media_type'),
      digest: digest(row, 'blob_digest'),
      size: integer(row, 'blob_size'),
    },
    unpackedSize: integer(row, 'unpacked_size'),
  };
}

/** Images that were read, and the texts that they were read from: an image is asked for at every start of an instance. */
type KnownImages = Map<string, { readonly texts: readonly [string, string]; readonly record: ImageRecord }>;

function readImage(row: SqlRow, known: KnownImages): ImageRecord {
  const texts = [text(row, 'manifest'), text(row, 'config')] as const;
  const before = known.get(text(row, 'id'));
  const rest = { storedAt: integer(row, 'stored_at'), manifestDigest: digest(row, 'manifest_digest') };
  if (before?.texts[0] === texts[0] && before.texts[1] === texts[1]) return { ...before.record, ...rest };
  const record: ImageRecord = {
    id: digest(row, 'id'),
    manifest: json(row, 'manifest', MANIFEST_FORMAT),
    config: json(row, 'config', CONFIG_FORMAT),
    ...rest,
  };
  known.set(record.id, { texts, record });
  return record;
}

function optional<T>(row: SqlRow | null, convert: (row: SqlRow) => T): T | null {
  return row === null ? null : convert(row);
}
