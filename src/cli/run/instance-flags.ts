import { ISOLATIONS } from '../../model/isolation.ts';
import { bool, choice, integer, list, maybe, parsed, parsedList, text, type Values } from '../flags/flag.ts';
import { parseNetwork } from '../values/networks.ts';
import { parseExpose, parsePublish } from '../values/ports.ts';
import { parseBytes, parseCpus, parseSwap } from '../values/size.ts';
import { parseSeconds } from '../values/time.ts';
import { HOST_FLAGS } from './host-flags.ts';
import { LIFECYCLE_FLAGS } from './lifecycle-flags.ts';

/** The flags of `hull create`, and of `hull run` together with `RUN_FLAGS`. */
export const INSTANCE_FLAGS = {
  'add-host': list('Add a host to the instance’s /etc/hosts', { placeholder: 'HOST:IP' }),
  attach: parsedList('Attach to stdin, stdout or stderr', parseStreamName, {
    short: 'a',
    complete: ['stdin', 'stdout', 'stderr'],
  }),
  'cap-add': list('Add a Linux capability'),
  'cap-drop': list('Drop a Linux capability'),
  cidfile: text('Write the instance’s id to this file', { complete: 'files' }),
  'cpu-shares': integer('Share of CPU time relative to others', { short: 'c' }),
  cpus: parsed('Number of CPUs', parseCpus, { placeholder: 'decimal' }),
  'cpuset-cpus': text('CPUs that may be used (0-3, 0,1)'),
  dns: list('Set DNS servers'),
  'dns-option': list('Set options of the resolver', { aliases: ['dns-opt'] }),
  'dns-search': list('Set domains to search names in'),
  domainname: text('Domain name of the instance'),
  entrypoint: text('Replace the image’s entrypoint', { placeholder: 'COMMAND' }),
  env: list('Set environment variables', { short: 'e', placeholder: 'NAME[=VALUE]' }),
  'env-file': list('Read environment variables from a file', { complete: 'files' }),
  expose: parsedList('Expose a port or a range of ports', parseExpose, { placeholder: 'PORT' }),
  hostname: text('Host name of the instance', { short: 'h' }),
  init: bool('Run a small init inside that forwards signals and reaps processes'),
  interactive: bool('Keep stdin open even if not attached', { short: 'i' }),
  ip: text('IPv4 address', { placeholder: 'ADDRESS' }),
  ip6: text('IPv6 address', { placeholder: 'ADDRESS' }),
  isolation: choice('How the instance is kept apart: container, sandbox (gVisor) or vm', ISOLATIONS),
  ...HOST_FLAGS,
  ...LIFECYCLE_FLAGS,
  label: list('Set metadata', { short: 'l', placeholder: 'NAME=VALUE' }),
  'label-file': list('Read labels from a file', { complete: 'files' }),
  link: list('A name for another instance, for this one alone', { placeholder: 'INSTANCE:NAME' }),
  machine: text('Boot this machine disk instead of an image', { placeholder: 'NAME', complete: 'machines' }),
  memory: parsed('Memory limit', parseBytes, { short: 'm', placeholder: 'bytes' }),
  'memory-swap': parsed('Memory and swap together; -1 for unlimited swap', parseSwap, {
    placeholder: 'bytes',
  }),
  mount: list('Attach a file system: type=bind,source=…,target=…[,readonly]', { placeholder: 'mount' }),
  name: text('Name the instance'),
  'link-local-ip': list('A link-local address', { placeholder: 'ADDRESS' }),
  'mac-address': text('Hardware address', { placeholder: 'ADDRESS' }),
  network: parsedList(
    'Connect to a network: a name, host, none, container:NAME, or name=NET,alias=NAME,ip=ADDRESS',
    parseNetwork,
    {
      aliases: ['net'],
      placeholder: 'NETWORK',
      complete: 'networks',
    },
  ),
  'network-alias': list('A name for the instance on its network', {
    aliases: ['net-alias'],
    placeholder: 'NAME',
  }),
  'pids-limit': integer('Limit the number of processes; -1 for unlimited'),
  privileged: bool('Give extended privileges'),
  publish: parsedList('Publish a port: [[ADDRESS:]HOST_PORT:]PORT[/udp]', parsePublish, {
    short: 'p',
    placeholder: 'port',
  }),
  'publish-all': bool('Publish all exposed ports to free host ports', { short: 'P' }),
  'read-only': bool('Make the root file system read-only'),
  rm: bool('Remove the instance when it exits'),
  'stop-signal': text('Signal to stop the instance'),
  'stop-timeout': parsed('Seconds to wait before it is killed', parseSeconds, { placeholder: 'seconds' }),
  tmpfs: list('Mount a tmpfs: PATH[:OPTIONS]', { placeholder: 'PATH' }),
  tty: bool('Give the workload a terminal', { short: 't' }),
  user: text('User name or id [:group]', { short: 'u' }),
  volume: list('Mount a host path or a volume: [SOURCE:]TARGET[:ro]', { short: 'v', complete: 'files' }),
  workdir: text('Working directory inside the instance', { short: 'w' }),
  pull: choice('When to download the image (default missing)', ['always', 'missing', 'never']),
  quiet: bool('Print no progress', { short: 'q' }),
} as const;

/** What only `hull run` has. */
export const RUN_FLAGS = {
  detach: bool('Run in the background and print the instance’s id', { short: 'd' }),
  'detach-keys': text('Keys that leave the workload running', { shownDefault: '"ctrl-p,ctrl-q"' }),
  'sig-proxy': maybe('Pass received signals on to the workload (default true)'),
  timings: bool('Print to stderr where the time went'),
} as const;

export type InstanceValues = Values<typeof INSTANCE_FLAGS>;

function parseStreamName(value: string): 'stdin' | 'stdout' | 'stderr' {
  const name = value.toLowerCase();
  if (name === 'stdin' || name === 'stdout' || name === 'stderr') return name;
  throw new Error('it must be stdin, stdout or stderr');
}
