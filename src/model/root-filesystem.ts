/** One block device of a VM. `serial` names it inside the guest (virtio-blk serial, at most 20 bytes). */
export interface BlockDevice {
  readonly path: string;
  readonly format: 'raw' | 'qcow2';
  readonly readOnly: boolean;
  readonly serial: string;
  /** What a qcow2 disk lies over. What the file itself says about that is never believed: a guest may have written it. */
  readonly backing?: { readonly path: string; readonly format: 'raw' };
}

/**
 * What storage hands to a runtime: a mounted directory tree, or block devices. Storage makes it, runtimes consume it,
 * neither knows the other.
 */
export type RootFilesystem =
  | {
      readonly kind: 'mounts';
      /** The mounted root on the host. */
      readonly path: string;
    }
  | {
      readonly kind: 'block';
      /**
       * `layered`: `image` is a read-only EROFS disk and `scratch` a writable ext4 in qcow2, joined by overlayfs in the guest.
       * `machine`: `disk` is a whole operating system that boots its own init; `kernel`, `initrd` and `cmdline` are its own.
       */
      readonly root:
        | { readonly layout: 'layered'; readonly image: BlockDevice; readonly scratch: BlockDevice }
        | {
            readonly layout: 'machine';
            readonly disk: BlockDevice;
            readonly kernel: string;
            readonly initrd: string;
            readonly cmdline: string;
          };
    };
