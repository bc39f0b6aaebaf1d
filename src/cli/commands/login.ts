import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { defineCommand } from '../command.ts';
import { bool, text } from '../flags/flag.ts';
import { CredentialsFile } from '../images/credentials-file.ts';
import type { CliIo } from '../io.ts';
import { CommandFailure, UsageError } from '../usage-error.ts';

export const command = defineCommand({
  usage: 'login [OPTIONS] [SERVER]',
  summary: 'Log in to a registry and save the credentials',
  example: 'hull login -u me --password-stdin localhost:5000 < password.txt',
  flags: {
    password: text('Password (seen by everyone who lists processes: prefer --password-stdin)', {
      short: 'p',
    }),
    'password-stdin': bool('Take the password from stdin'),
    username: text('Username', { short: 'u' }),
  },
  args: { max: 1 },
  run: async ({ io, client }, values, [server = 'docker.io']) => {
    if (values.password !== undefined && values['password-stdin'])
      throw new UsageError('--password and --password-stdin are mutually exclusive');
    if (values['password-stdin'] && values.username === undefined)
      throw new UsageError('Must provide --username with --password-stdin');
    const file = new CredentialsFile(io);
    const username = values.username ?? (await ask(io, 'Username: ', false));
    const password =
      values.password ?? (values['password-stdin'] ? await readAll(io) : await ask(io, 'Password: ', true));
    if (username === '' || password === '')
      throw new CommandFailure(1, 'username and password must not be empty');
    const { Status } = await client.images.login({ username, password, serveraddress: server });
    file.save(server, username, password);
    io.err(`WARNING! Your credentials are stored unencrypted in '${file.path}'.\n`);
    io.out(`${Status}\n`);
    return 0;
  },
});

async function readAll(io: CliIo): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of io.input()) pieces.push(piece);
  return Buffer.concat(pieces)
    .toString('utf8')
    .replace(/\r?\n$/, '');
}

async function ask(io: CliIo, question: string, hidden: boolean): Promise<string> {
  if (!io.isTty('stdin'))
    throw new CommandFailure(
      1,
      'cannot ask for credentials without a terminal; use --username and --password-stdin',
    );
  io.err(question);
  // What is typed is shown by the terminal's echo, or by nobody.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: hidden });
  try {
    return await lines.question('');
  } finally {
    lines.close();
    if (hidden) io.err('\n');
  }
}
