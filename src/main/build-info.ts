/** Written in by scripts/build.sh, which replaces exactly these words (not `process.env['…']`); from source they are unknown. */
export const BUILD = {
  version: process.env.HULL_BUILD_VERSION ?? '0.1.0-dev',
  commit: process.env.HULL_BUILD_COMMIT ?? 'source',
} as const;
