import type { Route } from '../router.ts';
import { buildRoutes } from './build.ts';
import { containerActionRoutes } from './container-actions.ts';
import { containerChangeRoutes } from './container-changes.ts';
import { containerFileRoutes } from './container-files.ts';
import { containerStatsRoutes } from './container-stats.ts';
import { containerStreamRoutes } from './container-streams.ts';
import { containerWebsocketRoutes } from './container-websocket.ts';
import { containerRoutes } from './containers.ts';
import { eventRoutes } from './events.ts';
import { execRoutes } from './exec.ts';
import { imageArchiveRoutes } from './image-archives.ts';
import { imageTransferRoutes } from './image-transfer.ts';
import { imageRoutes } from './images.ts';
import { networkRoutes } from './networks.ts';
import { diskUsageRoutes } from './disk-usage.ts';
import { outsideSwarmRoutes } from './outside-swarm.ts';
import { notYetRoutes } from './not-yet.ts';
import { systemRoutes } from './system.ts';
import { volumeRoutes } from './volumes.ts';

/** The Docker Engine API. What is not offered comes last, so that it never hides what is. */
export const dockerRoutes: readonly Route[] = [
  ...systemRoutes,
  ...containerRoutes,
  ...containerActionRoutes,
  ...containerChangeRoutes,
  ...containerStreamRoutes,
  ...containerWebsocketRoutes,
  ...containerFileRoutes,
  ...containerStatsRoutes,
  ...execRoutes,
  ...imageRoutes,
  ...imageTransferRoutes,
  ...imageArchiveRoutes,
  ...buildRoutes,
  ...eventRoutes,
  ...volumeRoutes,
  ...networkRoutes,
  ...outsideSwarmRoutes,
  ...diskUsageRoutes,
  ...notYetRoutes,
];
