import type { Image, LayerInfo } from '../model/image.ts';
import type { LayerStore } from '../storage/layer-store.ts';

/** Layers that a build stands on or has found: images may be removed while it goes on, these stay until it is over. */
export class LayerHolds implements Disposable {
  readonly #layers: Pick<LayerStore, 'hold'>;
  readonly #releases: (() => void)[] = [];

  constructor(layers: Pick<LayerStore, 'hold'>) {
    this.#layers = layers;
  }

  add(layers: readonly LayerInfo[]): void {
    this.#releases.push(this.#layers.hold(layers.map(({ diffId }) => diffId)));
  }

  /** The image, whose layers are held from now on. */
  image<Found extends Image | null>(image: Found): Found {
    if (image !== null) this.add(image.layers);
    return image;
  }

  [Symbol.dispose](): void {
    for (const release of this.#releases.splice(0)) release();
  }
}
