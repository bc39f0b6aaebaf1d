/**
 * A program for inside namespaces: `serve NAME tcp:80 udp:1812` replies with its name and the client's address and prints `ready`;
 * `ask tcp ADDRESS PORT` prints one reply, or `nothing` after a while; `resolve NAME TYPE SERVER` prints what the resolver answers. `lookups NAME
 * SERVER COUNT` asks one after the other and prints how many were answered; `flood NAME SERVER SECONDS` asks without end or pause, each time for
 * another name below NAME, and prints how often; `burst NAME SERVER COUNT` asks so many at once.
 */
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import packet from 'dns-packet';

const PATIENCE = 700;
const RESOLVER_PATIENCE = 3000;

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

function queryOf(name: string): Uint8Array {
  return packet.encode({
    type: 'query',
    id: 7,
    flags: packet.RECURSION_DESIRED,
    questions: [{ type: 'A', name }],
  });
}

/** As a resolver of the C library asks: twice. */
async function answered(name: string, server: string): Promise<boolean> {
  for (let attempt = 0; attempt < 2; attempt++) {
    const late = Bun.sleep(RESOLVER_PATIENCE).then(() => null);
    const reply = await Promise.race([askUdp(server, 53, queryOf(name), 0), late]);
    if (reply !== null) return (packet.decode(reply).answers ?? []).length > 0;
  }
  return false;
}

async function lookups(name: string, server: string, count: number): Promise<string> {
  let found = 0;
  for (let each = 0; each < count; each++) if (await answered(name, server)) found += 1;
  return String(found);
}

async function flood(name: string, server: string, seconds: number): Promise<string> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => void socket.bind(0, resolve));
  const end = performance.now() + seconds * 1000;
  let sent = 0;
  for (; performance.now() < end; sent++) {
    socket.send(queryOf(`x${sent % 1000}.${name}`), 53, server);
    if (sent % 200 === 0) await new Promise<void>((resolve) => void setImmediate(resolve));
  }
  return String(sent);
}

async function burst(name: string, server: string, count: number): Promise<string> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => void socket.bind(0, resolve));
  for (let each = 0; each < count; each++) socket.send(queryOf(`x${each}.${name}`), 53, server);
  await Bun.sleep(100);
  return String(count);
}

const [command = '', ...args] = process.argv.slice(2);
const repeated = { lookups, flood, burst }[command];
if (command === 'serve') {
  await serve(args[0] ?? '', args.slice(1));
} else if (repeated !== undefined) {
  console.log(await repeated(args[0] ?? '', args[1] ?? '', Number(args[2])));
  process.exit(0);
} else {
  const late = Bun.sleep(PATIENCE).then(() => 'nothing');
  console.log(await Promise.race([act(command, args), late]).catch(() => 'nothing'));
  process.exit(0);
}
