import type { Digest, Healthcheck } from './image.ts';
import type { InstanceOptions } from './instance-options.ts';
import type { InstanceStatus } from './instance-status.ts';
import type { Isolation } from './isolation.ts';
import type { Resources } from './resources.ts';

/** A process to run: the workload, or an exec. */
export interface ProcessSpec {
  readonly args: readonly string[];
  /** `NAME=value`, complete (nothing is inherited). */
  readonly env: readonly string[];
  /** Absolute path inside the instance; created where absent (as Docker does for the workload). */
  readonly cwd: string;
  /** `user`, `uid`, `user:group` or `uid:gid` as the user wrote it; empty means root. Names are looked up in the instance's own files. */
  readonly user: string;
  readonly tty: boolean;
  /** Terminal size at the start, where known. */
  readonly size?: TerminalSize;
}

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/** A mount of the user's, resolved: `source` is a host path (bind) or a volume's host folder. */
export interface InstanceMount {
  readonly type: 'bind' | 'volume' | 'tmpfs';
  /** Host path; empty for tmpfs. */
  readonly source: string;
  /** Absolute path inside the instance. */
  readonly target: string;
  readonly readOnly: boolean;
  /** As inspect shows it: the modes of a bind. */
  readonly mode?: string;
  /** Volume name, for type `volume`. */
  readonly volume?: string;
  /** A relative path inside the volume, for type `volume`: that alone is mounted. */
  readonly subpath?: string;
  /** tmpfs options such as `size=64m`; of a bind or volume: propagation, `bind` (without what is mounted below), `ro-top`, `ro-all`. */
  readonly options: readonly string[];
}

/** One published port. `hostPort` 0 asks for a free one. */
export interface PortBinding {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly containerPort: number;
  /** '0.0.0.0' or '::' for all of one family; empty, as asked for only: for all. */
  readonly hostIp: string;
  readonly hostPort: number;
  /** Last port of a range of which any free one will do; absent: `hostPort` alone. */
  readonly lastHostPort?: number;
}

/** `bridge`: on the networks that its connections name. `container`: in the namespace of another instance. */
export type NetworkMode = 'bridge' | 'host' | 'none' | 'container';

/** A network that an instance is to be on. */
export interface NetworkConnection {
  /** The network's name, or what the user wrote where no such network existed. */
  readonly network: string;
  /** Names that it answers to on this network, beside its own. */
  readonly aliases: readonly string[];
  readonly ipv4?: string;
  readonly ipv6?: string;
  readonly linkLocal?: readonly string[];
  readonly macAddress?: string;
  readonly driverOptions: Readonly<Record<string, string>>;
  /** `instance:alias`: names for this instance alone. */
  readonly links: readonly string[];
  /** The highest one gives the default route. */
  readonly gatewayPriority: number;
}

/** What happens when a run ends by itself. */
export interface RestartPolicy {
  readonly name: 'no' | 'always' | 'unless-stopped' | 'on-failure';
  /** For `on-failure`: how often at most; 0 for no bound. */
  readonly maximumRetryCount: number;
}

/** What the user asked for, merged with the image's defaults. A new value takes its place by rename, update, connect and disconnect alone. */
export interface InstanceConfig {
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  readonly isolation: Isolation;
  /** The image as the user wrote it, and its id; a machine names its disk instead. */
  readonly source:
    | { readonly kind: 'image'; readonly reference: string; readonly imageId: Digest }
    | { readonly kind: 'machine'; readonly disk: string };
  readonly process: ProcessSpec;
  /** As given, for inspect: the entrypoint and the command apart. */
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly hostname: string;
  readonly domainname: string;
  readonly openStdin: boolean;
  readonly stdinOnce: boolean;
  readonly attach: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean };
  readonly mounts: readonly InstanceMount[];
  readonly networkMode: NetworkMode;
  /** The network as asked for (`HostConfig.NetworkMode`); absent: as the mode says. */
  readonly networkName?: string;
  /** Id of the instance whose namespace this one joins, for the mode `container`. */
  readonly joins?: string;
  /** For the mode `bridge`, the first-named first. Connect and disconnect change it. */
  readonly networks: readonly NetworkConnection[];
  readonly ports: readonly PortBinding[];
  readonly exposedPorts: readonly string[];
  readonly extraHosts: readonly string[];
  readonly dns: readonly string[];
  /** Absent: the host's. */
  readonly dnsSearch?: readonly string[];
  readonly dnsOptions?: readonly string[];
  readonly resources: Resources;
  readonly readOnlyRoot: boolean;
  readonly init: boolean;
  readonly privileged: boolean;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly autoRemove: boolean;
  /** Absent means `no`. */
  readonly restartPolicy?: RestartPolicy;
  readonly labels: Readonly<Record<string, string>>;
  /** Name or number, e.g. `SIGTERM`. */
  readonly stopSignal: string;
  /** Seconds between the stop signal and SIGKILL. */
  readonly stopTimeout: number;
  readonly healthcheck?: Healthcheck;
  readonly options: InstanceOptions;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

/** How a run ended. */
export interface ExitStatus {
  /** 0-255; 128+n for a workload killed by signal n. */
  readonly code: number;
  readonly oomKilled: boolean;
  /** Milliseconds since the epoch. */
  readonly finishedAt: number;
  /** Why it ended, where that is no matter of the workload's: its kernel panicked, its hypervisor crashed. */
  readonly error?: string;
}

/** An address on a network, as attached. */
export interface NetworkEndpoint {
  readonly network: string;
  readonly networkId: string;
  /** 64 hexadecimal digits, new for each attachment. */
  readonly endpointId: string;
  /** The interface inside the instance. */
  readonly link: string;
  readonly address: string;
  readonly prefixLength: number;
  /** Empty: the network leads nowhere else. */
  readonly gateway: string;
  readonly ipv6: IpAddress | null;
  readonly macAddress: string;
  readonly aliases: readonly string[];
  /** All names that lead to it on this network. */
  readonly names: readonly string[];
}

/** An address with its surroundings; `gateway` may be empty. */
export interface IpAddress {
  readonly address: string;
  readonly prefixLength: number;
  readonly gateway: string;
}

/** An instance: what was asked and what is so. */
export interface Instance {
  readonly config: InstanceConfig;
  readonly status: InstanceStatus;
}
