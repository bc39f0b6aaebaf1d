/** Labels by which clients that know Docker's API alone ask for what Docker has no word for. */

/** How it is kept apart; also an annotation. */
export const ISOLATION_LABEL = 'hull.isolation';
/** `true` protects from being collected, whatever the rules say. */
export const KEEP_LABEL = 'hull.keep';
/** `true` asks for another run of an instance that has become unhealthy. */
export const RESTART_LABEL = 'hull.restart-when-unhealthy';
