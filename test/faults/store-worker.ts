/** Makes images of two layers and removes them, until it is killed: `store-worker.ts FOLDER`. Prints a line when it begins. */
import { packTar } from '../../src/lib/tar/archive.ts';
import { file, makeStore } from '../integration/support/store.ts';

const store = await makeStore(process.argv[2]);
process.stdout.write('begins\n');
for (let round = 0; ; round++) {
  const layer = (name: string) =>
    store.storage.layers.importTar({
      stream: packTar([file(name, `${name} ${Math.random()}`.repeat(2000))]),
    });
  const layers = [await layer('below'), await layer('above')];
  const image = await store.images.commit({ architecture: 'amd64', os: 'linux' }, layers, [
    `made:${round % 3}`,
  ]);
  if (round % 2 === 1) await store.images.remove(image.id);
}
