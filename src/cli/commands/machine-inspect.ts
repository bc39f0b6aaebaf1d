import { inspectCommandOf } from './inspect.ts';

export const command = inspectCommandOf('machine', 'hull machine inspect debian-radius');
