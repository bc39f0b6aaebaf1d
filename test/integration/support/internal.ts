import { mountMain } from '../../../src/host/mount-process.ts';
import { archiveMain, extractMain } from '../../../src/storage/extract-process.ts';

/** Stands in for `hull internal …`, so that storage's tests need no built executable. */
const [, verb, ...rest] = process.argv.slice(2);
if (verb === 'mount') process.exitCode = mountMain(rest);
else process.exitCode = verb === 'extract' ? await extractMain(rest) : await archiveMain(rest);
