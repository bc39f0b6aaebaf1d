/** A table with the column that says to which record a row belongs. */
export interface RecordTable {
  readonly table: string;
  readonly key: string;
}

/** Kinds of records that cannot be made again from anything else, with all tables that their rows are in. In the order in which they can be inserted. */
export const RECORD_KINDS: Readonly<Record<string, readonly RecordTable[]>> = {
  layer: [{ table: 'layers', key: 'diff_id' }],
  image: [
    { table: 'images', key: 'id' },
    { table: 'image_layers', key: 'image_id' },
    { table: 'image_blobs', key: 'image_id' },
    { table: 'image_references', key: 'image_id' },
  ],
  volume: [
    { table: 'volumes', key: 'name' },
    { table: 'volume_snapshots', key: 'volume' },
  ],
  machine: [{ table: 'machines', key: 'name' }],
  network: [{ table: 'networks', key: 'id' }],
  instance: [{ table: 'instances', key: 'id' }],
};
