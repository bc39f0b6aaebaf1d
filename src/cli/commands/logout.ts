import { defineCommand } from '../command.ts';
import { CredentialsFile } from '../images/credentials-file.ts';

export const command = defineCommand({
  usage: 'logout [SERVER]',
  summary: 'Log out from a registry',
  example: 'hull logout localhost:5000',
  flags: {},
  args: { max: 1 },
  startsEngine: false,
  run: ({ io }, _values, [server = 'docker.io']) => {
    const known = new CredentialsFile(io).remove(server);
    io.out(known ? `Removing login credentials for ${server}\n` : `Not logged in to ${server}\n`);
    return Promise.resolve(0);
  },
});
