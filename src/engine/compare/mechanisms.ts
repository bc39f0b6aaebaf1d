import type { ProcessIsolation } from '../../host/process-isolation.ts';
import type { Measured, Mechanism, SubjectKernel, SubjectKind } from '../../model/comparison.ts';

/** The workload's host process (QEMU for a VM) beside the engine's own, which stands for the host. */
export interface IsolationReading {
  readonly workload: ProcessIsolation;
  readonly host: ProcessIsolation;
}

const FILTER = 2;
/** Shown first; the others are counted. */
const MAIN_CONTROLLERS = ['memory', 'cpu', 'pids'];
const NAMESPACE_ORDER = ['mnt', 'net', 'pid', 'uts', 'ipc', 'cgroup', 'user', 'time'];

/** What is active, as seen on the process. Pure. */
export function mechanismsOf(
  kind: SubjectKind,
  { workload, host }: IsolationReading,
  kernel: Measured<SubjectKernel>,
): Mechanism[] {
  return [
    ownKernel(kernel),
    ...(kind === 'vm' || kind === 'machine' ? [virtualization(workload)] : []),
    namespaces(workload, host),
    seccomp(workload),
    capabilities(workload, host),
    {
      name: 'no new privileges',
      active: workload.noNewPrivileges,
      detail: workload.noNewPrivileges ? 'set' : 'not set',
    },
    controlGroup(workload, host),
    {
      name: 'unprivileged user',
      active: workload.user !== 0,
      detail: `user ${workload.user} of the host`,
    },
    securityModule(workload, host),
  ];
}

function ownKernel(kernel: Measured<SubjectKernel>): Mechanism {
  const name = 'own kernel';
  if (!('value' in kernel)) return { name, active: false, detail: `not measured: ${kernel.notMeasured}` };
  const { release, shared } = kernel.value;
  return { name, active: !shared, detail: shared ? `the host’s, ${release}` : release };
}

function virtualization({ usesKvm }: ProcessIsolation): Mechanism {
  const detail = usesKvm ? 'KVM' : 'emulated (no usable KVM)';
  return { name: 'hardware virtualization', active: usesKvm, detail };
}

function namespaces(workload: ProcessIsolation, host: ProcessIsolation): Mechanism {
  const own = [...workload.namespaces]
    .filter(([name, id]) => host.namespaces.get(name) !== undefined && host.namespaces.get(name) !== id)
    .map(([name]) => name)
    .toSorted((one, other) => NAMESPACE_ORDER.indexOf(one) - NAMESPACE_ORDER.indexOf(other));
  return { name: 'namespaces', active: own.length > 0, detail: own.join(', ') || 'none of its own' };
}

function seccomp({ seccomp: mode }: ProcessIsolation): Mechanism {
  const detail = mode === FILTER ? 'filter' : mode === 0 ? 'off' : 'strict';
  return { name: 'seccomp', active: mode !== 0, detail };
}

function capabilities(workload: ProcessIsolation, host: ProcessIsolation): Mechanism {
  const dropped = host.capabilities - workload.capabilities;
  return {
    name: 'capabilities dropped',
    active: dropped > 0,
    detail: `${Math.max(0, dropped)} of ${host.capabilities}`,
  };
}

function controlGroup(workload: ProcessIsolation, host: ProcessIsolation): Mechanism {
  const own = [...workload.controlGroups]
    .filter(([controller, path]) => path !== host.controlGroups.get(controller))
    .map(([controller]) => (controller === '' ? 'unified' : controller))
    .filter((controller) => !controller.startsWith('name='));
  const main = MAIN_CONTROLLERS.filter((controller) => own.includes(controller));
  const others = own.length - main.length;
  const more = others === 0 ? [] : [main.length === 0 ? own.toSorted().join(', ') : `${others} more`];
  return {
    name: 'control group',
    active: own.length > 0,
    detail: [...main, ...more].join(', ') || 'the host’s',
  };
}

function securityModule(workload: ProcessIsolation, host: ProcessIsolation): Mechanism {
  const label = workload.securityLabel;
  const active = label !== '' && label !== host.securityLabel && !label.startsWith('unconfined');
  return { name: 'security module', active, detail: label === '' ? 'none on this host' : label };
}
