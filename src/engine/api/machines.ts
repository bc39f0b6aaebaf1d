export type { Machines } from '../../model/machine.ts';
