/** testcontainers-node against the engine in DOCKER_HOST. */
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GenericContainer, getContainerRuntimeClient, Network, PullPolicy, Wait } from 'testcontainers';
import { runCases, test } from './cases.mjs';

const IMAGE = 'busybox:latest';
const started = [];

async function start(container) {
  const running = await container.start();
  started.push(running);
  return running;
}

const server = 'mkdir -p /w; echo page > /w/index.html; echo listening; exec httpd -f -p 8080 -h /w';
const web = () => new GenericContainer(IMAGE).withCommand(['sh', '-c', server]).withExposedPorts(8080);
const pageOf = async (container, port = 8080) =>
  (
    await fetch(`http://${container.getHost()}:${container.getMappedPort(port)}/`, {
      headers: { connection: 'close' },
    })
  ).text();

test('a container with a mapped port, the default wait', async () => {
  const container = await start(web());
  assert.equal(await pageOf(container), 'page\n');
  assert.match(container.getId(), /^[0-9a-f]{64}$/);
  assert.ok(container.getNetworkNames().includes('bridge'));
});

test('wait for a log line', async () => {
  const container = await start(
    new GenericContainer(IMAGE)
      .withCommand(['sh', '-c', 'sleep 0.5; echo ready to go; sleep 1000'])
      .withWaitStrategy(Wait.forLogMessage(/ready to \w+/)),
  );
  const logs = await container.logs();
  const line = await new Promise((resolve) => logs.once('data', (data) => resolve(String(data))));
  assert.match(line, /ready to go/);
});

test('wait for ports', async () => {
  const container = await start(web().withWaitStrategy(Wait.forListeningPorts()));
  assert.equal(await pageOf(container), 'page\n');
});

test('wait for HTTP', async () => {
  const container = await start(web().withWaitStrategy(Wait.forHttp('/', 8080).forStatusCode(200)));
  assert.equal(await pageOf(container), 'page\n');
});

test('wait for health', async () => {
  const container = await start(
    web()
      .withHealthCheck({
        test: ['CMD-SHELL', 'wget -q -O /dev/null http://127.0.0.1:8080/'],
        interval: 200,
        timeout: 3000,
        retries: 5,
      })
      .withWaitStrategy(Wait.forHealthCheck()),
  );
  assert.equal(await pageOf(container), 'page\n');
});

test('wait for a command to succeed', async () => {
  await start(
    new GenericContainer(IMAGE)
      .withCommand(['sh', '-c', 'sleep 0.5; touch /done; sleep 1000'])
      .withWaitStrategy(Wait.forSuccessfulCommand('test -e /done')),
  );
});

test('wait for one shot', async () => {
  await start(new GenericContainer(IMAGE).withCommand(['true']).withWaitStrategy(Wait.forOneShotStartup()));
  await assert.rejects(
    new GenericContainer(IMAGE).withCommand(['false']).withWaitStrategy(Wait.forOneShotStartup()).start(),
  );
});

test('a wait that fails removes the container', async () => {
  await assert.rejects(
    new GenericContainer(IMAGE)
      .withCommand(['sleep', '1000'])
      .withStartupTimeout(1000)
      .withWaitStrategy(Wait.forLogMessage('never'))
      .start(),
    /never/,
  );
});

test('exec', async () => {
  const container = await start(new GenericContainer(IMAGE).withCommand(['sleep', '1000']));
  assert.deepEqual(await container.exec(['sh', '-c', 'echo out; echo err >&2; exit 3']), {
    output: 'out\nerr\n',
    stdout: 'out\n',
    stderr: 'err\n',
    exitCode: 3,
  });
  const more = await container.exec(['sh', '-c', 'pwd; echo $A; id -u'], {
    workingDir: '/etc',
    env: { A: 'b' },
    user: '5',
  });
  assert.equal(more.output, '/etc\nb\n5\n');
});

test('files are copied in before the start, and later, and out', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tc-'));
  writeFileSync(join(folder, 'one'), 'first');
  const container = await start(
    new GenericContainer(IMAGE)
      .withCopyFilesToContainer([{ source: join(folder, 'one'), target: '/tmp/one' }])
      .withCopyContentToContainer([{ content: 'second', target: '/tmp/two', mode: 0o640 }])
      .withCopyDirectoriesToContainer([{ source: folder, target: '/tmp/tree' }])
      .withCommand(['sleep', '1000']),
  );
  const { output } = await container.exec([
    'sh',
    '-c',
    'cat /tmp/one /tmp/two /tmp/tree/one; stat -c %a /tmp/two',
  ]);
  assert.equal(output, 'firstsecondfirst640\n');
  await container.copyContentToContainer([{ content: 'third', target: '/tmp/three' }]);
  assert.equal((await container.exec(['cat', '/tmp/three'])).output, 'third');
  const archive = await container.copyArchiveFromContainer('/tmp/three');
  let size = 0;
  for await (const part of archive) size += part.length;
  assert.ok(size >= 1024);
});

test('environment, labels, name, user, directory, tmpfs, ulimits, added capabilities', async () => {
  const container = await start(
    new GenericContainer(IMAGE)
      .withName('tc-named')
      .withEnvironment({ KEY: 'value' })
      .withLabels({ of: 'test' })
      .withWorkingDir('/tmp')
      .withUser('12')
      .withTmpFs({ '/scratch': 'rw,size=65536' })
      .withUlimits({ nofile: { soft: 123, hard: 456 } })
      .withAddedCapabilities('NET_ADMIN')
      .withSharedMemorySize(1 << 20)
      .withResourcesQuota({ memory: 0.1, cpu: 0.5 })
      .withExtraHosts([{ host: 'extra', ipAddress: '10.9.8.7' }])
      .withCommand(['sleep', '1000']),
  );
  assert.equal(container.getName().replace('/', ''), 'tc-named');
  assert.equal(container.getLabels().of, 'test');
  const { output } = await container.exec([
    'sh',
    '-c',
    'echo $KEY; pwd; id -u; ulimit -n; grep -c extra /etc/hosts',
  ]);
  assert.equal(output, 'value\n/tmp\n12\n123\n1\n');
});

test('a network with aliases', async () => {
  const network = await new Network().start();
  started.push(network);
  await start(web().withNetwork(network).withNetworkAliases('site'));
  const client = await start(new GenericContainer(IMAGE).withNetwork(network).withCommand(['sleep', '1000']));
  const { output, exitCode } = await client.exec(['wget', '-q', '-O', '-', 'http://site:8080/']);
  assert.deepEqual([exitCode, output], [0, 'page\n']);
  assert.ok(client.getIpAddress(network.getName()).length > 6);
});

test('stop, restart, commit', async () => {
  const container = await start(web());
  await container.restart({ timeout: 0 });
  assert.equal(await pageOf(container), 'page\n');
  const id = await container.commit({ repo: 'tccommitted', tag: 'x', changes: [], comment: '' });
  assert.match(id, /[0-9a-f]{12}/);
  const stopped = await container.stop({ remove: false, timeout: 0 });
  assert.match(stopped.getId(), /^[0-9a-f]{64}$/);
});

test('an image built from a folder', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tcb-'));
  writeFileSync(
    join(folder, 'Dockerfile'),
    'FROM busybox\nARG TEXT=none\nRUN echo $TEXT > /text\nCMD ["sleep", "1000"]\n',
  );
  const image = await GenericContainer.fromDockerfile(folder)
    .withBuildArgs({ TEXT: 'built' })
    .withPullPolicy(PullPolicy.defaultPolicy())
    .build('tcbuilt:x', { deleteOnExit: false });
  const container = await start(image);
  assert.equal((await container.exec(['cat', '/text'])).output, 'built\n');
});

test('reused containers', async () => {
  const make = () =>
    new GenericContainer(IMAGE).withName('tc-reused').withCommand(['sleep', '1000']).withReuse();
  const first = await start(make());
  const second = await make().start();
  assert.equal(first.getId(), second.getId());
});

await runCases(async () => {
  const all = started.splice(0).reverse();
  for (const each of all) await each.stop({ timeout: 0 }).catch(() => undefined);
  const client = await getContainerRuntimeClient();
  for (const { id } of await client.container.list())
    await client.container
      .remove(client.container.getById(id), { removeVolumes: true })
      .catch(() => undefined);
});
process.exit(0);
