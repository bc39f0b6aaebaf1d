/** File types of st_mode (inode(7)). */
const TYPE = 0o170000;

/** Bits of Go's os.FileMode by the type in st_mode: what Docker's clients read. */
const TYPE_BITS: ReadonlyMap<number, number> = new Map([
  [0o040000, 2 ** 31],
  [0o120000, 2 ** 27],
  [0o060000, 2 ** 26],
  [0o020000, 2 ** 26 + 2 ** 21],
  [0o010000, 2 ** 25],
  [0o140000, 2 ** 24],
]);
const SPECIAL_BITS: readonly (readonly [unix: number, go: number])[] = [
  [0o4000, 2 ** 23],
  [0o2000, 2 ** 22],
  [0o1000, 2 ** 20],
];

/** st_mode as Go's os.FileMode (Go, io/fs/fs.go). */
export function goFileMode(mode: number): number {
  const special = SPECIAL_BITS.reduce((bits, [unix, go]) => bits + ((mode & unix) === 0 ? 0 : go), 0);
  return (TYPE_BITS.get(mode & TYPE) ?? 0) + special + (mode & 0o777);
}

/** Is a Go file mode a folder's, a symbolic link's? */
export function isGoFolder(mode: number): boolean {
  return Math.floor(mode / 2 ** 31) % 2 === 1;
}

export function isGoLink(mode: number): boolean {
  return Math.floor(mode / 2 ** 27) % 2 === 1;
}
