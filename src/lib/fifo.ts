const COMPACT = 1024;

/** First in, first out, at a constant price: `Array.shift` moves all that is left. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #first = 0;

  get length(): number {
    return this.#items.length - this.#first;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** Takes the oldest; undefined when there is none. */
  shift(): T | undefined {
    const item = this.#items[this.#first];
    if (this.#first < this.#items.length) {
      this.#items[this.#first] = undefined;
      this.#first += 1;
    }
    if (this.#first === this.#items.length) this.clear();
    else if (this.#first >= COMPACT && this.#first * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
    return item;
  }

  clear(): void {
    this.#items = [];
    this.#first = 0;
  }
}
