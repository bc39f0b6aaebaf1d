import type { InstanceUpdateRequest } from '../../../api/native.ts';
import { defineCommand } from '../command.ts';
import { integer, list, parsed, parsedList, text, type Values } from '../flags/flag.ts';
import type { CliIo } from '../io.ts';
import { forEach } from '../run/each.ts';
import { parseRestart, restartPolicyOf } from '../run/lifecycle-flags.ts';
import { UsageError } from '../usage-error.ts';
import { parseMount, parseVolume } from '../values/mounts.ts';
import { parsePublish } from '../values/ports.ts';
import { parseBytes, parseCpus, parseSwap } from '../values/size.ts';

const FLAGS = {
  'blkio-weight': integer('Share of block I/O, 10 to 1000'),
  'cpu-period': integer('Period of the CPU quota, microseconds'),
  'cpu-quota': integer('CPU time per period, microseconds'),
  'cpu-shares': integer('Share of CPU time relative to others', { short: 'c' }),
  cpus: parsed('Number of CPUs', parseCpus, { placeholder: 'decimal' }),
  'cpuset-cpus': text('CPUs that may be used (0-3, 0,1)'),
  'cpuset-mems': text('Memory nodes that may be used'),
  env: list('Set a variable; NAME alone takes it away', { short: 'e', placeholder: 'NAME[=VALUE]' }),
  label: list('Set metadata; NAME alone takes it away', { short: 'l', placeholder: 'NAME[=VALUE]' }),
  memory: parsed('Memory limit', parseBytes, { short: 'm', placeholder: 'bytes' }),
  'memory-reservation': parsed('Memory left to it when memory runs short', parseBytes, {
    placeholder: 'bytes',
  }),
  'memory-swap': parsed('Memory and swap together; -1 for unlimited swap', parseSwap, {
    placeholder: 'bytes',
  }),
  mount: list('Attach a file system: type=bind,source=…,target=…[,readonly]', { placeholder: 'mount' }),
  'pids-limit': integer('Limit the number of processes; -1 for unlimited'),
  publish: parsedList('Publish a port: [[ADDRESS:]HOST_PORT:]PORT[/udp]', parsePublish, {
    short: 'p',
    placeholder: 'port',
  }),
  restart: parsed('When to start again: no, on-failure[:MAX], always or unless-stopped', parseRestart, {
    placeholder: 'policy',
    complete: ['no', 'on-failure', 'always', 'unless-stopped'],
  }),
  unmount: list('Remove the mount at this path', { placeholder: 'TARGET' }),
  unpublish: list('Publish a port no more: PORT[/udp]', { placeholder: 'port' }),
  volume: list('Mount a host path or a volume: [SOURCE:]TARGET[:ro]', { short: 'v', complete: 'files' }),
} as const;

export const command = defineCommand({
  usage: 'update [OPTIONS] INSTANCE [INSTANCE...]',
  summary:
    'Change limits, ports, mounts and variables of existing instances. What cannot change while one runs takes a new run in its place: name, address, files, volumes and logs stay',
  example: 'hull update --publish 8080:80 --memory 512m web',
  flags: FLAGS,
  args: { min: 1 },
  completeArgs: ['instances'],
  run: async ({ io, client }, values, args) => {
    const request = requestOf(io, values);
    if (Object.keys(request).length === 0) throw new UsageError('nothing to change: give at least one flag');
    return forEach(io, args, async (id) => {
      const { Warnings } = await client.native.updateInstance(id, request);
      for (const warning of Warnings) io.err(`WARNING: ${warning}\n`);
    });
  },
});

function requestOf(io: CliIo, values: Values<typeof FLAGS>): InstanceUpdateRequest {
  const volumes = values.volume.map((volume) => parseVolume(volume, io.cwd));
  const bindings: Record<string, { HostIp?: string; HostPort?: string }[]> = {};
  for (const { port, binding } of values.publish.flat()) (bindings[port] ??= []).push(binding);
  const fields = {
    Memory: values.memory,
    MemorySwap: values['memory-swap'],
    MemoryReservation: values['memory-reservation'],
    NanoCpus: values.cpus,
    CpuShares: values['cpu-shares'],
    CpuPeriod: values['cpu-period'],
    CpuQuota: values['cpu-quota'],
    CpusetCpus: values['cpuset-cpus'],
    CpusetMems: values['cpuset-mems'],
    BlkioWeight: values['blkio-weight'],
    PidsLimit: values['pids-limit'],
    ...restartPolicyOf(values),
    Env: values.env,
    Labels: values.label,
    PortBindings: bindings,
    Unpublish: values.unpublish,
    Binds: volumes.flatMap((volume) => (volume.kind === 'bind' ? [volume.bind] : [])),
    Volumes: volumes.flatMap((volume) => (volume.kind === 'anonymous' ? [volume.target] : [])),
    Mounts: values.mount.map((mount) => parseMount(mount, io.cwd)),
    Unmount: values.unmount,
  };
  return Object.fromEntries(
    Object.entries(fields).filter(
      ([, value]) => value !== undefined && (typeof value !== 'object' || Object.keys(value).length > 0),
    ),
  );
}
