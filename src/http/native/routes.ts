import { NATIVE_PREFIX } from '../../../api/native.ts';
import type { Route } from '../router.ts';
import { comparisonRoutes } from './comparison.ts';
import { gcRoutes } from './gc.ts';
import { imageRoutes } from './images.ts';
import { instanceRoutes } from './instances.ts';
import { machineRoutes } from './machines.ts';
import { systemRoutes } from './system.ts';
import { volumeRoutes } from './volumes.ts';

/** Everything that Docker has no word for. */
export const nativeRoutes: readonly Route[] = [
  ...systemRoutes,
  ...imageRoutes,
  ...machineRoutes,
  ...instanceRoutes,
  ...gcRoutes,
  ...volumeRoutes,
  ...comparisonRoutes,
].map((route) => ({ ...route, path: `${NATIVE_PREFIX}${route.path}` }));
