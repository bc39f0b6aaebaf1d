/**
 * A program for inside namespaces: `serve NAME tcp:80 udp:1812` replies with its name and the client's address and prints `ready`;
 * `ask tcp ADDRESS PORT` prints one reply, or `nothing` after a while; `resolve NAME TYPE SERVER` prints what the resolver answers.
 */
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import packet from 'dns-packet';

const PATIENCE = 700;

async function serve(name: string, ports: readonly string[]): Promise<void> {
  for (const [protocol, port] of ports.map((each) => each.split(':'))) {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (protocol === 'tcp') {
      const server = createServer((socket) => {
        socket.on('error', () => undefined);
        socket.end(`${name} ${(socket.remoteAddress ?? '').replace('::ffff:', '')}`);
      });
      server.listen(Number(port), '::', resolve);
    } else {
      const socket = createSocket('udp4');
      socket.on('message', (_, from) => socket.send(`${name} ${from.address}`, from.port, from.address));
      socket.bind(Number(port), '0.0.0.0', resolve);
    }
    await promise;
  }
  console.log('ready');
}

function askTcp(address: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, address);
    let text = '';
    socket.on('data', (data: Buffer) => (text += data.toString()));
    socket.on('end', () => resolve(text));
    socket.on('error', reject);
  });
}

function askUdp(address: string, port: number, data: Uint8Array, localPort: number): Promise<Buffer> {
  const socket = createSocket('udp4');
  return new Promise<Buffer>((resolve, reject) => {
    socket.on('message', (message) => resolve(message));
    socket.on('error', reject);
    socket.bind(localPort, () => socket.send(data, port, address));
  }).finally(() => socket.close());
}

async function resolveName(name: string, type: string, server: string): Promise<string> {
  const query = packet.encode({
    type: 'query',
    id: 1,
    flags: packet.RECURSION_DESIRED,
    questions: [{ type: type as 'A', name }],
  });
  const reply = packet.decode(await askUdp(server, 53, query, 0));
  const data = (reply.answers ?? []).map((answer) =>
    'data' in answer && typeof answer.data === 'string' ? answer.data : '',
  );
  return [`${'rcode' in reply ? String(reply.rcode) : ''}`, ...data].join(' ');
}

function act(command: string, args: readonly string[]): Promise<string> {
  const [first = '', second = '', third = '', fourth = '0'] = args;
  if (command === 'resolve') return resolveName(first, second, third);
  if (first === 'tcp') return askTcp(second, Number(third));
  return askUdp(second, Number(third), Buffer.from('hello'), Number(fourth)).then(String);
}

const [command = '', ...args] = process.argv.slice(2);
if (command === 'serve') {
  await serve(args[0] ?? '', args.slice(1));
} else {
  const late = Bun.sleep(PATIENCE).then(() => 'nothing');
  console.log(await Promise.race([act(command, args), late]).catch(() => 'nothing'));
  process.exit(0);
}
