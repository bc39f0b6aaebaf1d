/** A daemon that builds until it is killed: `killed.ts FOLDER TAG`. Prints what its step prints. */
import { join } from 'node:path';
import { BuildBench } from './bench.ts';

const [, , folder = '', tag = ''] = process.argv;
const bench = new BuildBench(join(folder, 'data'), { runDir: join(folder, 'run'), tag });
await bench.start();
setInterval(() => process.stdout.write(bench.output()), 50);
await bench.build({ Dockerfile: 'FROM base\nRUN echo running; sleep 1000' });
