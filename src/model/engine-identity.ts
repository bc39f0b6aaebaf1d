/**
 * What keeps one engine's things apart from another's on the same host. Every name that the engine gives to a kernel object carries `tag`.
 */
export interface EngineIdentity {
  /** Four lower-case hexadecimal digits, derived from the data folder, and no other engine's of this host. */
  readonly tag: string;
  /** Durable state, e.g. /var/lib/hull. */
  readonly dataDir: string;
  /** Volatile state, e.g. /run/hull. Short. */
  readonly runDir: string;
}

/** Interface names are at most 15 bytes. */
export const names = {
  bridge: (engine: EngineIdentity) => `hull-${engine.tag}`,
  /** Host end of an instance's veth; `slot` is a number in base 36, at most 5 digits. */
  hostLink: (engine: EngineIdentity, slot: string) => `hl${engine.tag}-${slot}`,
  nftTable: (engine: EngineIdentity) => `hull_${engine.tag}`,
  /** Folder under each cgroup hierarchy; an instance's own is below it, named by its id. */
  cgroupParent: (engine: EngineIdentity) => `hull-${engine.tag}`,
} as const;
