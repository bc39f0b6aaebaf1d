import type { Isolation } from '../model/isolation.ts';
import { CONTAINER_TRAITS, SANDBOX_TRAITS } from '../runtime/container/traits.ts';
import type { IsolationTraits } from '../runtime/traits.ts';
import { VM_TRAITS } from '../runtime/vm/traits.ts';

const TRAITS: Readonly<Record<Isolation, IsolationTraits>> = {
  container: CONTAINER_TRAITS,
  sandbox: SANDBOX_TRAITS,
  vm: VM_TRAITS,
};

/** What is so of every instance with this isolation. */
export const traitsOf = (isolation: Isolation): IsolationTraits => TRAITS[isolation];
