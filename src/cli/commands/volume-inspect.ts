import { inspectCommandOf } from './inspect.ts';

export const command = inspectCommandOf('volume', "hull volume inspect --format '{{.Mountpoint}}' data");
