/** A difference from Docker's daemon that stays, and why. `*` in a pattern stands for any characters. */
export interface KnownDifference {
  /** The request: `METHOD /path?query body`. */
  readonly request: string;
  /** Where in the answer: `status`, `type`, or a field such as `.HostConfig.Isolation`. */
  readonly place: string;
  /** What we say, as JSON; absent: anything. */
  readonly ours?: string;
  /** What Debian's dockerd 20.10 says, as JSON; absent: anything. */
  readonly theirs?: string;
  readonly reason: string;
}

const WORDS = 'the same refusal in words that name the field';
const IDENTITY = 'says which engine this is, and what it has';
const NEWER = 'Docker 28 answers as we do; the daemon that is compared with is 20.10';

export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    request: '*',
    place: '*.Isolation',
    ours: '"container"',
    theirs: '""',
    reason: 'names how the container is isolated here; Docker has isolations on Windows alone',
  },
  { request: '*', place: '*.HostConfig.NetworkMode', ours: '"bridge"', theirs: '"default"', reason: NEWER },
  { request: '*', place: '*.HostConfig.MaskedPaths*', reason: NEWER },
  { request: '*', place: '*.HostConfig.RestartPolicy.Name', ours: '"no"', theirs: '""', reason: NEWER },
  {
    request: '*',
    place: '*.HostConfig.CgroupnsMode',
    ours: '"private"',
    theirs: '"host"',
    reason:
      'containers have a cgroup namespace of their own on every host, as Docker gives them on cgroup v2',
  },
  {
    request: '*',
    place: '.GraphDriver.Data*',
    ours: 'null',
    reason: 'where layers lie on the host is no promise: clients read files through the archive routes',
  },
  {
    request: '*',
    place: '*.SandboxID',
    ours: '""',
    theirs: '"<hex64>"',
    reason: 'a container that does not run has no network namespace',
  },
  {
    request: '*',
    place: '*.SandboxKey',
    reason: 'names the namespace by its process; Docker has a file of its own for it',
  },
  {
    request: '*',
    place: '.message',
    ours: '"container *"',
    theirs: '"Container *"',
    reason: 'Docker 28 begins these messages with a small letter',
  },
  {
    request: '*',
    place: '*.HostConfig.KernelMemoryTCP',
    ours: 'absent',
    theirs: '0',
    reason: NEWER,
  },
  {
    request: '*',
    place: 'status',
    ours: '400',
    theirs: '500',
    reason:
      "a malformed request is the client's fault, as Docker 28 says too; 20.10 says that the server failed",
  },
  {
    request: 'POST /containers/made/unpause*',
    place: 'status',
    ours: '409',
    theirs: '500',
    reason: NEWER,
  },
  {
    request: 'POST /containers/runs/unpause*',
    place: 'status',
    ours: '409',
    theirs: '500',
    reason: NEWER,
  },
  {
    request: 'GET *logs*',
    place: 'type',
    ours: '"application/vnd.docker.raw-stream"',
    theirs: '""',
    reason: NEWER,
  },
  {
    request: 'POST *wait*',
    place: '.Error',
    ours: 'absent',
    theirs: 'null',
    reason: NEWER,
  },
  {
    request: 'POST /containers/made/wait?condition=nonsense*',
    place: '*',
    reason: NEWER,
  },
  {
    request: 'DELETE /containers/runs',
    place: '.message',
    reason: NEWER,
  },
  {
    request: 'POST /containers/*kill*',
    place: '.message',
    ours: '*',
    theirs: '"Cannot kill container*"',
    reason: NEWER,
  },
  {
    request: 'POST /containers/broken/start',
    place: '.message',
    reason:
      "says the same without the words of the programs in between; the status and the reason at the end are Docker's",
  },
  {
    request: 'POST /containers/folder/start',
    place: '.message',
    reason:
      "says the same without the words of the programs in between; the status and the reason at the end are Docker's",
  },
  {
    request: 'GET /containers/broken/json',
    place: '.State.Error',
    reason:
      "says the same without the words of the programs in between; the status and the reason at the end are Docker's",
  },
  {
    request: 'GET /containers/broken/json',
    place: '.*Path',
    ours: '""',
    theirs: '"<path>"',
    reason: 'the files of a run are there only once it began',
  },
  {
    request: 'GET /containers/broken/json',
    place: '.NetworkSettings.Networks.bridge.NetworkID',
    ours: '""',
    reason: 'the network is found when a run begins, and this one did not',
  },
  {
    request: '*',
    place: '.message',
    ours: '"query parameter *',
    reason: WORDS,
  },
  {
    request: '*',
    place: '.message',
    ours: '"invalid filter *',
    reason: WORDS,
  },
  {
    request: '*',
    place: '.message',
    ours: '"invalid value for *',
    reason: WORDS,
  },
  {
    request: 'POST /containers/create*',
    place: '.message',
    ours: '"invalid JSON: *',
    reason: WORDS,
  },
  {
    request: 'POST /containers/create*',
    place: '.message',
    ours: '"Image is missing*',
    reason: WORDS,
  },
  {
    request: 'POST /containers/create*',
    place: '.message',
    ours: '"HostConfig.PortBindings*',
    reason: WORDS,
  },
  {
    request: 'POST /containers/create*',
    place: '.message',
    ours: '"invalid restart policy*',
    reason: NEWER,
  },
  {
    request: 'GET /containers/json?filters={"before"*',
    place: '*',
    reason: NEWER,
  },
  {
    request: 'GET /images/nosuch/json',
    place: '.message',
    reason: NEWER,
  },
  {
    request: 'POST /networks/nosuch/connect*',
    place: '.message',
    reason: WORDS,
  },
  {
    request: 'POST /exec/{exec}/start {}',
    place: '*',
    reason:
      "that it has run is said by the status 409, as the definition has it; Docker's daemon writes it into the stream",
  },
  {
    request: 'GET /networks*',
    place: '[0].Options.com.docker.network.bridge.name',
    reason: IDENTITY,
  },
  {
    request: 'GET /networks*',
    place: '[0].Options.com.docker.network.driver.mtu',
    reason: "the MTU is the host's uplink's, so that packets are not too large for it",
  },
  {
    request: 'POST /networks/create*',
    place: '.message',
    reason: NEWER,
  },
  {
    request: 'DELETE /networks/net',
    place: '.message',
    reason: NEWER,
  },
  {
    request: 'POST /networks/net/disconnect*',
    place: 'status',
    ours: '403',
    theirs: '500',
    reason: NEWER,
  },
  {
    request: 'GET /images/busybox/json',
    place: '.GraphDriver.Data.WorkDir',
    reason: 'where layers lie on the host is no promise: clients read files through the archive routes',
  },
  {
    request: 'GET /images/busybox/json',
    place: '.Metadata.LastTagTime',
    reason: 'the time that it got its tag is known here',
  },
  {
    request: 'GET /images/busybox/json',
    place: '.Container',
    reason: NEWER,
  },
  {
    request: 'POST /images/busybox/tag?repo=Not%20Valid',
    place: '.message',
    reason: WORDS,
  },
  {
    request: 'POST /images/create',
    place: '.message',
    reason: WORDS,
  },
  {
    request: 'GET /images/search*',
    place: '.message',
    reason: 'says less about the resolver',
  },
  {
    request: 'POST /build*',
    place: '*',
    reason: "a missing blueprint is 404, an archive that is none 400; Docker's daemon says 500 to both",
  },
  {
    request: 'GET /version',
    place: '*',
    reason: IDENTITY,
  },
  {
    request: 'GET /info',
    place: '*',
    reason: IDENTITY,
  },
  {
    request: 'GET /system/df',
    place: '*',
    reason: 'the containers that other cases left differ by those that one engine refuses at create',
  },
  {
    request: 'POST /containers/runs/exec*',
    place: '.message',
    reason: 'names the container by its id',
  },
  { request: 'POST /containers/ran/kill?signal=NOSUCH', place: '.message', reason: NEWER },
  {
    request: 'GET /containers/broken/json',
    place: '.State.FinishedAt',
    reason: 'a start that failed has ended, and when is known',
  },
  {
    request: 'POST /containers/create {"Image":"Not Valid"}',
    place: '*',
    reason: 'what is no reference names no image, in every request',
  },
  {
    request: 'POST /containers/create*',
    place: '.message',
    ours: '"unsupported Content-Type*',
    reason: NEWER,
  },
  { request: '*', place: '.message', ours: '"invalid filter*', reason: WORDS },
  {
    request: 'GET /images/busybox/json',
    place: '.ContainerConfig*',
    reason: 'has what the image has: docker-compose 1.29 reads the volumes there',
  },
];
