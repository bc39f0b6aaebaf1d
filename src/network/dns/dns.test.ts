import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import packet from 'dns-packet';
import fc from 'fast-check';
import { prefixOf } from '../ipam.ts';
import { decide, failure } from './answer.ts';
import { ClientBudgets } from './budget.ts';
import { Forwarder } from './forwarder.ts';
import { NameTable, type NameView } from './names.ts';
import { parseResolvConf } from './resolv-conf.ts';
import { DnsServer } from './server.ts';
import { NameScopes } from './scopes.ts';
import { MessageSplitter, withLength } from './stream.ts';

const prefixes = [prefixOf('172.20.0.0/16'), prefixOf('fd00:7::/64')];

function table(): NameTable {
  const names = new NameTable();
  names.set('1', ['Radius', '0123456789ab', 'radius.example'], '172.20.0.2');
  names.set('2', ['web'], '172.20.0.3');
  return names;
}

/** What an instance knows that is on this one network. */
function view(): NameView {
  const scopes = new NameScopes();
  scopes.add('net', { table: table(), prefixes, internal: false });
  return scopes.view('net', '172.20.0.3');
}

function query(name: string, type: packet.RecordType = 'A', id = 7): Uint8Array {
  return packet.encode({ type: 'query', id, flags: packet.RECURSION_DESIRED, questions: [{ type, name }] });
}

function ask(name: string, type: packet.RecordType = 'A'): packet.DecodedPacket | 'forward' | 'drop' {
  const decision = decide(query(name, type), view());
  return decision.kind === 'answer' ? packet.decode(Buffer.from(decision.data)) : decision.kind;
}

/** The type definitions lack what decode adds. */
function rcodeOf(reply: packet.DecodedPacket): string {
  return 'rcode' in reply ? String(reply.rcode) : '';
}

function outcome(reply: ReturnType<typeof ask>): [string, unknown[]] {
  if (typeof reply === 'string') return [reply, []];
  return [rcodeOf(reply), (reply.answers ?? []).map((answer) => ('data' in answer ? answer.data : null))];
}

describe('answers', () => {
  test.each(['radius', 'RADIUS', 'rAdIuS', '0123456789ab', 'radius.example'])('knows %p', (name) => {
    expect(outcome(ask(name))).toEqual(['NOERROR', ['172.20.0.2']]);
  });
  test('a known name has no IPv6 address, which is no error', () => {
    expect(outcome(ask('web', 'AAAA'))).toEqual(['NOERROR', []]);
    expect(outcome(ask('web', 'MX'))).toEqual(['NOERROR', []]);
  });
  test('unknown names are somebody else’s to answer', () => {
    expect([ask('example.org'), ask('unknown', 'AAAA'), ask('4.3.2.1.in-addr.arpa', 'PTR')]).toEqual([
      'forward',
      'forward',
      'forward',
    ]);
  });
  test('reverse names of the subnet are answered here, known or not', () => {
    expect(outcome(ask('2.0.20.172.in-addr.arpa', 'PTR'))).toEqual(['NOERROR', ['radius']]);
    expect(outcome(ask('9.9.20.172.IN-ADDR.ARPA', 'PTR'))).toEqual(['NXDOMAIN', []]);
  });
  test('the reply carries the query’s id and its wish for recursion', () => {
    const reply = ask('web');
    expect(
      typeof reply === 'object' && [reply.id, reply.flag_qr, reply.flag_rd, reply.flag_ra, reply.flag_aa],
    ).toEqual([7, true, true, true, true]);
  });
  test('replies and fragments are dropped, other operations and broken queries refused', () => {
    const response = packet.encode({ type: 'response', id: 1, questions: [{ type: 'A', name: 'web' }] });
    expect(decide(response, view()).kind).toBe('drop');
    expect(decide(new Uint8Array(11), view()).kind).toBe('drop');
    const update = new Uint8Array(query('web'));
    update[2] = 5 << 3;
    const refused = decide(update, view());
    expect(refused.kind === 'answer' && rcodeOf(packet.decode(Buffer.from(refused.data)))).toBe('NOTIMP');
    const broken = decide(query('web').slice(0, 14), view());
    expect(broken.kind === 'answer' && rcodeOf(packet.decode(Buffer.from(broken.data)))).toBe('FORMERR');
  });
  test('are no longer than the client takes, and say so', () => {
    const many = table();
    for (let each = 0; each < 200; each++) many.set(`many ${each}`, ['many'], `172.20.1.${each}`);
    const scopes = new NameScopes();
    scopes.add('net', { table: many, prefixes, internal: false });
    const answered = (edns: number | null, transport: 'udp' | 'tcp'): [number, number, boolean] => {
      const additionals: packet.Answer[] =
        edns === null
          ? []
          : [
              {
                ...{ type: 'OPT', name: '.', udpPayloadSize: edns, extendedRcode: 0, ednsVersion: 0 },
                ...{ flags: 0, flag_do: false, options: [] },
              },
            ];
      const asked = packet.encode({ type: 'query', questions: [{ type: 'A', name: 'many' }], additionals });
      const decision = decide(asked, scopes.view('net', '172.20.0.3'), transport);
      if (decision.kind !== 'answer') return [0, 0, false];
      const reply = packet.decode(Buffer.from(decision.data));
      return [decision.data.byteLength, reply.answers?.length ?? 0, reply.flag_tc];
    };
    expect(answered(null, 'udp')).toEqual([502, 24, true]);
    expect(answered(100, 'udp')).toEqual([502, 24, true]);
    expect(answered(1232, 'udp')).toEqual([1222, 60, true]);
    expect(answered(4096, 'udp')).toEqual([4022, 200, false]);
    expect(answered(null, 'tcp')).toEqual([4022, 200, false]);
  });
  test('no bytes make it throw', () => {
    const names = view();
    const valid = [...query('web')];
    const mutated = fc
      .array(fc.tuple(fc.nat({ max: valid.length - 1 }), fc.nat({ max: 255 })), { maxLength: 6 })
      .map((changes) => {
        const bytes = Uint8Array.from(valid);
        for (const [at, value] of changes) bytes[at] = value;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 600 }), mutated), (bytes) => {
        const decision = decide(bytes, names);
        // What is answered can be read, and has the id of the query.
        if (decision.kind === 'answer')
          expect(packet.decode(Buffer.from(decision.data)).id).toBe((bytes[0] ?? 0) * 256 + (bytes[1] ?? 0));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('names', () => {
  test('two instances may share a name, and one may leave', () => {
    const names = new NameTable();
    names.set('1', ['db', 'db'], '10.0.0.2');
    names.set('2', ['DB.'], '10.0.0.3');
    expect(names.lookup('db')?.toSorted()).toEqual(['10.0.0.2', '10.0.0.3']);
    names.delete('1');
    names.delete('1');
    expect([names.lookup('db'), names.reverse('10.0.0.2'), names.reverse('10.0.0.3')]).toEqual([
      ['10.0.0.3'],
      null,
      'db',
    ]);
    names.set('2', ['other'], '10.0.0.3');
    expect(names.lookup('db')).toBeNull();
  });
  test('names such as those of objects are just names', () => {
    expect([table().lookup('constructor'), table().lookup('__proto__')]).toEqual([null, null]);
  });
});

describe('messages on a stream', () => {
  test('come whole, however they are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }),
        fc.integer({ min: 1, max: 97 }),
        (messages, portion) => {
          const stream = Buffer.concat(messages.map(withLength));
          const found: Uint8Array[] = [];
          const splitter = new MessageSplitter((message) => found.push(message));
          for (let at = 0; at < stream.byteLength; at += portion)
            splitter.push(stream.subarray(at, at + portion));
          expect(found).toEqual(messages.map((message) => new Uint8Array(message)));
        },
      ),
    );
  });
});

describe('resolv.conf', () => {
  test('reads servers, search and options', () => {
    const text =
      '# made by hand\nnameserver 192.0.2.1\nnameserver  fe80::1%eth0 ; comment\nnameserver nonsense\ndomain a.example\nsearch b.example c.example\noptions ndots:2 edns0\n';
    expect(parseResolvConf(text)).toEqual({
      nameservers: ['192.0.2.1', 'fe80::1%eth0'],
      search: ['b.example', 'c.example'],
      options: ['ndots:2', 'edns0'],
    });
  });
  test('any text is read', () => {
    fc.assert(
      fc.property(fc.string(), (text) =>
        Array.isArray(parseResolvConf(`nameserver ${text}\n${text}`).nameservers),
      ),
    );
  });
});

describe('server and forwarder', () => {
  const upstream = createSocket('udp4');
  const upstreamTcp = createServer((socket) => {
    const splitter = new MessageSplitter(
      (message) => void socket.write(withLength(reply(message, '192.0.2.99'))),
    );
    socket.on('data', (data: Uint8Array) => splitter.push(data));
    socket.on('error', () => undefined);
  });
  let seen = 0;
  let servers: string[] = [];
  let dns: DnsServer;
  let ports: { udp: number; tcp: number };

  function reply(message: Uint8Array, data: string): Uint8Array {
    const { id, questions } = packet.decode(Buffer.from(message));
    return packet.encode({
      type: 'response',
      id: id ?? 0,
      questions: questions ?? [],
      answers: [{ type: 'A', name: questions?.[0]?.name ?? '', data, ttl: 1 }],
    });
  }

  beforeAll(async () => {
    await new Promise<void>((resolve) => upstream.bind(0, '127.0.0.1', () => resolve()));
    await new Promise<void>((resolve) =>
      upstreamTcp.listen(upstream.address().port, '127.0.0.1', () => resolve()),
    );
    upstream.on('message', (message, from) => {
      seen += 1;
      const name = packet.decode(message).questions?.[0]?.name ?? '';
      if (name === 'silent.example' || (name === 'lost.example' && seen % 2 === 1)) return;
      upstream.send(reply(message, '192.0.2.7'), from.port, from.address);
    });
    const four = { all: 100, each: 4, kept: 0, few: 4 };
    const budgets = new ClientBudgets({ rate: 1000, burst: 1000, forwarded: four, connections: four });
    const forwarder = new Forwarder({
      upstreams: () => servers,
      port: upstream.address().port,
      timeout: 100,
      slots: budgets.forwarded,
    });
    dns = new DnsServer({
      address: '127.0.0.1',
      preferredPorts: { udp: upstream.address().port, tcp: upstream.address().port },
      client: (address) => (address.startsWith('127.') ? { id: address, names: view() } : null),
      forwarder,
      budgets,
    });
    ports = await dns.listen();
    servers = ['127.0.0.1'];
  });
  afterAll(async () => {
    await dns.close();
    upstream.close();
    upstreamTcp.close();
  });

  function overUdp(data: Uint8Array): Promise<packet.DecodedPacket> {
    const socket = createSocket('udp4');
    const { promise, resolve } = Promise.withResolvers<packet.DecodedPacket>();
    socket.on('message', (message) => resolve(packet.decode(message)));
    socket.send(data, ports.udp, '127.0.0.1');
    return promise.finally(() => socket.close());
  }

  test('takes another port where the preferred one is in use', () => {
    expect(ports.udp).not.toBe(upstream.address().port);
    expect(ports.tcp).not.toBe(upstream.address().port);
  });
  test('answers names itself and passes others on', async () => {
    expect(outcome(await overUdp(query('web')))).toEqual(['NOERROR', ['172.20.0.3']]);
    expect(outcome(await overUdp(query('example.org')))).toEqual(['NOERROR', ['192.0.2.7']]);
  });
  test('knows an IPv6 resolver by whatever way its address is written', async () => {
    const resolver = createSocket('udp6');
    await new Promise<void>((resolve) => resolver.bind(0, '::1', () => resolve()));
    resolver.on('message', (message, from) =>
      resolver.send(reply(message, '192.0.2.6'), from.port, from.address),
    );
    const { port } = resolver.address();
    const slots = new ClientBudgets().forwarded;
    const settings = { upstreams: () => ['0:0:0:0:0:0:0:1'], port, timeout: 500, rounds: 1, slots };
    const forwarder = new Forwarder(settings);
    const answer = await forwarder.ask(query('example.org'), 'udp', 'a');
    expect(outcome(packet.decode(Buffer.from(answer)))).toEqual(['NOERROR', ['192.0.2.6']]);
    resolver.close();
  });
  test('asks again when a reply is lost', async () => {
    seen = 0;
    expect(outcome(await overUdp(query('lost.example')))).toEqual(['NOERROR', ['192.0.2.7']]);
    expect(seen).toBe(2);
  });
  test('gives up with SERVFAIL', async () => {
    expect(outcome(await overUdp(query('silent.example')))).toEqual(['SERVFAIL', []]);
    servers = [];
    expect(outcome(await overUdp(query('example.org')))).toEqual(['SERVFAIL', []]);
    servers = ['127.0.0.1'];
  });
  test('bounds what is under way', async () => {
    const replies = await Promise.all(
      Array.from({ length: 6 }, (_, index) => overUdp(query('silent.example', 'A', 100 + index))),
    );
    expect(replies.map(rcodeOf)).toEqual(Array.from({ length: 6 }, () => 'SERVFAIL'));
    expect(seen).toBeLessThan(20);
  });
  test('serves TCP by TCP, several queries on one connection', async () => {
    const socket = connect(ports.tcp, '127.0.0.1');
    const replies: packet.DecodedPacket[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const splitter = new MessageSplitter((message) => {
      replies.push(packet.decode(Buffer.from(message)));
      if (replies.length === 2) resolve();
    });
    socket.on('data', (data: Uint8Array) => splitter.push(data));
    socket.write(Buffer.concat([withLength(query('web', 'A', 1)), withLength(query('example.org', 'A', 2))]));
    await promise;
    socket.destroy();
    const byId = replies.toSorted((a, b) => (a.id ?? 0) - (b.id ?? 0)).map(outcome);
    expect(byId).toEqual([
      ['NOERROR', ['172.20.0.3']],
      ['NOERROR', ['192.0.2.99']],
    ]);
  });
  test('survives garbage', async () => {
    const socket = createSocket('udp4');
    for (const bytes of fc.sample(fc.uint8Array({ minLength: 1, maxLength: 100 }), 50))
      socket.send(bytes, ports.udp, '127.0.0.1');
    const stream = connect(ports.tcp, '127.0.0.1');
    stream.on('error', () => undefined);
    stream.write(Uint8Array.of(0, 3, 1, 2, 3, 255, 255, 0));
    expect(outcome(await overUdp(query('web')))).toEqual(['NOERROR', ['172.20.0.3']]);
    socket.close();
    stream.destroy();
  });
  test('a refusal is a readable packet', () => {
    expect(packet.decode(Buffer.from(failure(query('web'), 'SERVFAIL')))).toMatchObject({
      id: 7,
      type: 'response',
      rcode: 'SERVFAIL',
    });
  });
});
