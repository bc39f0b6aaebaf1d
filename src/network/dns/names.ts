/** Which names lead to which addresses. Names are compared without regard to case; two instances may share a name. */
export class NameTable {
  readonly #instances = new Map<string, { readonly names: readonly string[]; readonly address: string }>();
  readonly #addresses = new Map<string, string[]>();

  /** `names`: the first one is the answer to a reverse query. Replaces what the instance had. */
  set(instanceId: string, names: readonly string[], address: string): void {
    this.delete(instanceId);
    const known = [...new Set(names.map(normalize).filter((name) => name !== ''))];
    this.#instances.set(instanceId, { names: known, address });
    for (const name of known) this.#addresses.set(name, [...(this.#addresses.get(name) ?? []), address]);
  }

  delete(instanceId: string): void {
    const entry = this.#instances.get(instanceId);
    if (entry === undefined) return;
    this.#instances.delete(instanceId);
    for (const name of entry.names) {
      const left = without(this.#addresses.get(name) ?? [], entry.address);
      if (left.length > 0) this.#addresses.set(name, left);
      else this.#addresses.delete(name);
    }
  }

  /** Null for a name that no instance has. */
  lookup(name: string): readonly string[] | null {
    return this.#addresses.get(normalize(name)) ?? null;
  }

  reverse(address: string): string | null {
    for (const entry of this.#instances.values())
      if (entry.address === address) return entry.names[0] ?? null;
    return null;
  }
}

function normalize(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

function without(list: readonly string[], value: string): string[] {
  const at = list.indexOf(value);
  return list.filter((_, index) => index !== at);
}
