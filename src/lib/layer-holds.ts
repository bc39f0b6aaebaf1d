import type { Digest, Image, LayerInfo } from '../model/image.ts';

/** Keeps layers from being removed until the returned function is called. */
type Hold = (diffIds: readonly Digest[]) => () => void;

/** Layers that are made or found for an image that does not exist yet: others may go meanwhile, these stay until it is disposed of. */
export class LayerHolds implements Disposable {
  readonly #layers: { readonly hold: Hold };
  readonly #releases: (() => void)[] = [];

  constructor(layers: { readonly hold: Hold }) {
    this.#layers = layers;
  }

  claim(diffId: Digest): void {
    this.#releases.push(this.#layers.hold([diffId]));
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
