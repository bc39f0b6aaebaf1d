import { inspectCommandOf } from './inspect.ts';

export const command = inspectCommandOf('image', "hull image inspect -f '{{.Config.Cmd}}' freeradius");
