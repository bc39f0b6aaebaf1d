import { type IsolationTraits, NO_REFUSALS } from '../traits.ts';

/** Namespaces, control groups and filters of the host's kernel. */
export const CONTAINER_TRAITS: IsolationTraits = {
  isolation: 'container',
  root: 'mounts',
  sharesKernel: true,
  ownCapabilities: false,
  bootsMachines: false,
  cheapToMake: true,
  minMemory: null,
  sysctls: 'namespaced',
  maxHiddenPaths: Infinity,
  refuses: NO_REFUSALS,
  idleLimits: null,
};

/** gVisor: files as a container's, processes and network in a kernel of its own. */
export const SANDBOX_TRAITS: IsolationTraits = {
  ...CONTAINER_TRAITS,
  isolation: 'sandbox',
  sharesKernel: false,
  cheapToMake: false,
  refuses: {
    ...NO_REFUSALS,
    options: {
      devices: 'HostConfig.Devices',
      deviceCgroupRules: 'HostConfig.DeviceCgroupRules',
      pidMode: 'HostConfig.PidMode',
      ipcMode: 'HostConfig.IpcMode',
    },
    networkModes: ['container', 'host'],
    // runsc leaves the filter of the specification out, and AppArmor as well.
    filters: true,
  },
};
