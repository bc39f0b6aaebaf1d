import type { ImageStore } from '../../images/image-store.ts';
import { familiarReference } from '../../model/reference.ts';
import type { Repositories } from '../../state/repositories.ts';
import type { NetworkCatalog } from '../networks/catalog.ts';
import type { DamagedRow } from './damaged.ts';

export interface DamagedRowsParts {
  readonly records: Pick<Repositories, 'images' | 'volumes' | 'machines'>;
  readonly store: Pick<ImageStore, 'restore'>;
  readonly catalog: Pick<NetworkCatalog, 'damaged'>;
  /** Makes the record of a machine anew from its disk. */
  readonly restoreMachine: (name: string) => void;
}

/** Rows of images, machines, volumes and networks that cannot be understood, with the way to have them back. */
export function damagedRows({
  records,
  store,
  catalog,
  restoreMachine,
}: DamagedRowsParts): readonly DamagedRow[] {
  const images = records.images.damaged().map(({ id, fault }): DamagedRow => {
    const [reference] = records.images.references(id);
    const what = reference === undefined ? id : familiarReference(reference);
    return {
      ...{ kind: 'image', what, fault, advice: `hull rmi -f ${what} removes it` },
      repair: async () => {
        await store.restore(id);
        return 'its record was made again from its blobs';
      },
    };
  });
  const machines = records.machines.damaged().map(({ name, fault }): DamagedRow => ({
    ...{ kind: 'machine', what: name, fault, advice: `hull machine rm ${name} removes it` },
    repair: () => {
      restoreMachine(name);
      return Promise.resolve('its record was made again from its disk');
    },
  }));
  const volumes = records.volumes.damaged().map(({ name, fault }): DamagedRow => ({
    ...{ kind: 'volume', what: name, fault, advice: 'its labels and options cannot be read' },
    repair: () => {
      records.volumes.makePlain(name);
      return Promise.resolve('it is a volume without labels and options now, with all that it holds');
    },
  }));
  const networks = catalog.damaged().map(({ id, name, fault }): DamagedRow => ({
    ...{ kind: 'network', what: name, fault, repair: null },
    advice: `hull network rm ${id.slice(0, 12)} removes it, then make it again`,
  }));
  return [...images, ...machines, ...volumes, ...networks];
}
