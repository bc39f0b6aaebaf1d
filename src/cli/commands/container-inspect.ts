import { inspectCommandOf } from './inspect.ts';

export const command = inspectCommandOf('container', "hull container inspect -f '{{.State.Pid}}' web");
