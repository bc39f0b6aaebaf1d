/** One step of the state's format. Never changed once released: a later change is a new step. */
export interface Migration {
  readonly name: string;
  readonly statements: readonly string[];
}

/** In order. The database's `user_version` is the number of steps done. Times are milliseconds since the epoch. */
export const MIGRATIONS: readonly Migration[] = [
  {
    name: 'images, layers, volumes and machines',
    statements: [
      `CREATE TABLE blobs (
        digest TEXT PRIMARY KEY,
        size INTEGER NOT NULL,
        stored_at INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID`,
      `CREATE TABLE layers (
        diff_id TEXT PRIMARY KEY,
        folder TEXT NOT NULL UNIQUE,
        blob_digest TEXT NOT NULL REFERENCES blobs (digest),
        blob_size INTEGER NOT NULL,
        media_type TEXT NOT NULL,
        unpacked_size INTEGER NOT NULL,
        stored_at INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID`,
      `CREATE TABLE images (
        id TEXT PRIMARY KEY REFERENCES blobs (digest),
        manifest_digest TEXT NOT NULL REFERENCES blobs (digest),
        manifest TEXT NOT NULL,
        config TEXT NOT NULL,
        stored_at INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID`,
      `CREATE TABLE image_layers (
        image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        diff_id TEXT NOT NULL REFERENCES layers (diff_id),
        PRIMARY KEY (image_id, position)
      ) STRICT, WITHOUT ROWID`,
      'CREATE INDEX image_layers_by_layer ON image_layers (diff_id)',
      `CREATE TABLE image_references (
        reference TEXT PRIMARY KEY,
        image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE
      ) STRICT, WITHOUT ROWID`,
      'CREATE INDEX image_references_by_image ON image_references (image_id)',
      `CREATE TABLE disks (
        key TEXT PRIMARY KEY,
        file TEXT NOT NULL,
        size INTEGER NOT NULL,
        stored_at INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID`,
      `CREATE TABLE volumes (
        name TEXT PRIMARY KEY,
        labels TEXT NOT NULL,
        anonymous INTEGER NOT NULL,
        created_at INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID`,
      `CREATE TABLE machines (
        name TEXT PRIMARY KEY,
        folder TEXT NOT NULL UNIQUE,
        input_key TEXT NOT NULL,
        machine TEXT NOT NULL,
        created_at INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID`,
    ],
  },
  {
    name: 'build cache',
    statements: [
      `CREATE TABLE build_steps (
        key TEXT PRIMARY KEY,
        diff_id TEXT,
        created_at INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID`,
    ],
  },
  {
    name: 'instances',
    statements: [
      `CREATE TABLE instances (
        id TEXT PRIMARY KEY,
        record TEXT NOT NULL
      ) STRICT, WITHOUT ROWID`,
    ],
  },
  {
    name: 'blobs of images that came from elsewhere',
    statements: [
      `CREATE TABLE image_blobs (
        image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
        digest TEXT NOT NULL REFERENCES blobs (digest),
        PRIMARY KEY (image_id, digest)
      ) STRICT, WITHOUT ROWID`,
      'CREATE INDEX image_blobs_by_blob ON image_blobs (digest)',
    ],
  },
  {
    name: 'options, folders and snapshots of volumes',
    statements: [
      "ALTER TABLE volumes ADD COLUMN options TEXT NOT NULL DEFAULT '{}'",
      "ALTER TABLE volumes ADD COLUMN folder TEXT NOT NULL DEFAULT ''",
      'UPDATE volumes SET folder = name',
      'CREATE UNIQUE INDEX volumes_by_folder ON volumes (folder)',
      `CREATE TABLE volume_snapshots (
        volume TEXT NOT NULL,
        name TEXT NOT NULL,
        folder TEXT NOT NULL UNIQUE,
        created_at INTEGER NOT NULL,
        PRIMARY KEY (volume, name)
      ) STRICT, WITHOUT ROWID`,
    ],
  },
  {
    name: 'networks',
    statements: [
      `CREATE TABLE networks (
        id TEXT PRIMARY KEY,
        definition TEXT NOT NULL,
        created_at INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID`,
    ],
  },
  {
    name: 'the engine that it belongs to',
    statements: ['CREATE TABLE engine (id TEXT NOT NULL) STRICT'],
  },
  {
    name: 'how often records have changed',
    statements: ['ALTER TABLE engine ADD COLUMN generation INTEGER NOT NULL DEFAULT 0'],
  },
];
