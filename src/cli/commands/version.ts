import { API_VERSION, type VersionInfo } from '../../../api/docker.ts';
import { type CommandContext, defineCommand } from '../command.ts';
import { text } from '../flags/flag.ts';
import { unescape } from '../format/listing.ts';
import { compileTemplate } from '../template/evaluate.ts';
import { messageOf } from '../../model/errors.ts';

export const command = defineCommand({
  usage: 'version [OPTIONS]',
  summary: 'Show the versions of the command line and of the engine',
  example: "hull version --format '{{.Server.Version}}'",
  flags: { format: text("'json' or a Go template", { short: 'f' }) },
  args: { max: 0 },
  run: async (context, values) => {
    const { io, client, deps } = context;
    const Client = {
      Version: deps.version.version,
      ApiVersion: API_VERSION,
      GitCommit: deps.version.commit,
      Os: process.platform,
      // As images and Docker's clients name it.
      Arch: process.arch === 'x64' ? 'amd64' : process.arch,
    };
    let failure: unknown = null;
    const Server = await client.system.version().catch((error: unknown) => {
      failure = error;
      return null;
    });
    const whole = { Client, Server };
    const { format } = values;
    if (format !== undefined)
      io.out(`${format === 'json' ? JSON.stringify(whole) : compileTemplate(unescape(format))(whole)}\n`);
    else io.out(versionText(context, Client, Server));
    if (Server !== null) return 0;
    io.err(`hull: ${messageOf(failure)}\n`);
    return 1;
  },
});

function versionText(
  { host }: CommandContext,
  client: { Version: string; ApiVersion: string; GitCommit: string; Os: string; Arch: string },
  server: VersionInfo | null,
): string {
  const row = (name: string, value: string) => ` ${`${name}:`.padEnd(18)}${value}`;
  const lines = [
    'Client: Twinhull',
    row('Version', client.Version),
    row('API version', client.ApiVersion),
    row('Git commit', client.GitCommit),
    row('OS/Arch', `${client.Os}/${client.Arch}`),
    row('Host', host),
  ];
  if (server === null) return `${lines.join('\n')}\n`;
  return `${[
    ...lines,
    '',
    `Server: ${server.Platform?.Name ?? ''}`,
    row('Version', server.Version),
    row('API version', `${server.ApiVersion} (minimum version ${server.MinAPIVersion})`),
    row('Git commit', server.GitCommit),
    row('OS/Arch', `${server.Os}/${server.Arch}`),
    row('Kernel', server.KernelVersion),
  ].join('\n')}\n`;
}
