import { type IsolationTraits, NO_REFUSALS } from '../traits.ts';

const MEBIBYTE = 2 ** 20;

/** A kernel of its own on virtual hardware; nothing of the host's is inside. */
export const VM_TRAITS: IsolationTraits = {
  isolation: 'vm',
  root: 'block',
  sharesKernel: false,
  ownCapabilities: true,
  bootsMachines: true,
  cheapToMake: false,
  minMemory: { bytes: 64 * MEBIBYTE, reason: 'a VM needs at least 64MiB of memory for its kernel' },
  sysctls: 'all',
  // As many as the guest program has room for (guest/src/confine.c).
  maxHiddenPaths: 64,
  refuses: {
    ...NO_REFUSALS,
    options: {
      devices: 'HostConfig.Devices',
      deviceCgroupRules: 'HostConfig.DeviceCgroupRules',
      pidMode: 'HostConfig.PidMode',
      ipcMode: 'HostConfig.IpcMode',
      utsMode: 'HostConfig.UTSMode',
      cgroupParent: 'HostConfig.CgroupParent',
      cgroupnsMode: 'HostConfig.CgroupnsMode',
    },
    idleValues: { ipcMode: ['private', 'shareable'], pidMode: ['private'], cgroupnsMode: ['private'] },
    networkModes: ['container', 'host'],
    filters: true,
    mountPropagation: true,
  },
  idleLimits: {
    why: 'A VM has its memory to itself, and no swap',
    fields: {
      MemorySwap: ({ memory, memorySwap }) => memorySwap !== undefined && memorySwap !== memory,
      MemoryReservation: ({ memoryReservation }) => memoryReservation !== undefined,
      MemorySwappiness: ({ memorySwappiness }) => memorySwappiness !== undefined,
      OomKillDisable: ({ oomKillDisable }) => oomKillDisable === true,
    },
  },
};
