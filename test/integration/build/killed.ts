/** A daemon that builds until it is killed: `killed.ts FOLDER`. Prints what its step prints. */
import { join } from 'node:path';
import { BuildBench } from './bench.ts';

const folder = process.argv[2] ?? '';
const bench = new BuildBench(join(folder, 'data'), { runDir: join(folder, 'run'), tag: 'b1fd' });
await bench.start();
setInterval(() => process.stdout.write(bench.output()), 50);
await bench.build({ Dockerfile: 'FROM base\nRUN echo running; sleep 1000' });
