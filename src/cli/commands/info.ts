import type { SystemInfo } from '../../../api/docker.ts';
import type { HullInfo } from '../../../api/native.ts';
import { ApiError } from '../../client/api-error.ts';
import { defineCommand } from '../command.ts';
import { text } from '../flags/flag.ts';
import { unescape } from '../format/listing.ts';
import { binarySize } from '../format/units.ts';
import { compileTemplate } from '../template/evaluate.ts';

export const command = defineCommand({
  usage: 'info [OPTIONS]',
  summary: 'Show what the engine is, what the host can do, and what is missing',
  example: "hull info --format '{{.NCPU}} CPUs, {{.MemTotal}} bytes'",
  flags: { format: text("'json' or a Go template", { short: 'f' }) },
  args: { max: 0 },
  run: async ({ io, client }, values) => {
    const info = await client.system.info();
    const hull = await client.native.info().catch((error: unknown) => {
      // Another engine of Docker's API has no native part.
      if (error instanceof ApiError && error.status === 404) return null;
      throw error;
    });
    const whole = hull === null ? info : { ...info, Hull: hull };
    const { format } = values;
    if (format === undefined) io.out(infoText(info, hull));
    else io.out(`${format === 'json' ? JSON.stringify(whole) : compileTemplate(unescape(format))(whole)}\n`);
    for (const warning of format === undefined ? (info.Warnings ?? []) : []) io.err(`${warning}\n`);
    return 0;
  },
});

function infoText(info: SystemInfo, hull: HullInfo | null): string {
  const lines = [
    'Server:',
    ` Containers: ${info.Containers}`,
    `  Running: ${info.ContainersRunning}`,
    `  Paused: ${info.ContainersPaused}`,
    `  Stopped: ${info.ContainersStopped}`,
    ` Images: ${info.Images}`,
    ` Server Version: ${info.ServerVersion}`,
    ` Storage Driver: ${info.Driver}`,
    ` Cgroup Version: ${info.CgroupVersion}`,
    ` Kernel Version: ${info.KernelVersion}`,
    ` Operating System: ${info.OperatingSystem}`,
    ` OSType: ${info.OSType}`,
    ` Architecture: ${info.Architecture}`,
    ` CPUs: ${info.NCPU}`,
    ` Total Memory: ${binarySize(info.MemTotal)}`,
    ` Name: ${info.Name}`,
    ` ID: ${info.ID}`,
    ` Root Dir: ${info.DockerRootDir}`,
    ...(hull === null ? [] : hullLines(hull)),
  ];
  return `${lines.join('\n')}\n`;
}

function hullLines(hull: HullInfo): string[] {
  const isolations = Object.entries(hull.isolations).map(([name, state]) => {
    return `  ${name}: ${state.available ? state.detail : `not available: ${state.reason}`}`;
  });
  const { name, subnet, gateway, bridge } = hull.network;
  return [
    ` Cgroup Layout: ${hull.cgroupLayout}`,
    ' Isolations:',
    ...isolations,
    ` Network: ${name} ${subnet}, gateway ${gateway}, bridge ${bridge}`,
  ];
}
