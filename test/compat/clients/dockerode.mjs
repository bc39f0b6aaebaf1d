/** dockerode against the engine in DOCKER_HOST. */
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import Docker from 'dockerode';
import tar from 'tar-stream';
import { runCases, sleep, test, textOf } from './cases.mjs';

const docker = new Docker({ socketPath: process.env.DOCKER_HOST.replace('unix://', '') });

const create = (options) => docker.createContainer({ Image: 'busybox', StopSignal: 'KILL', ...options });

async function sleeper(name, options = {}) {
  const container = await create({ name, Cmd: ['sleep', '1000'], ...options });
  await container.start();
  return container;
}

/** Both outputs of a multiplexed stream. */
async function demuxed(stream) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  docker.modem.demuxStream(stream, stdout, stderr);
  stream.on('end', () => [stdout, stderr].forEach((each) => each.end()));
  stream.on('close', () => [stdout, stderr].forEach((each) => each.end()));
  return Promise.all([textOf(stdout), textOf(stderr)]);
}

const followed = (stream, onProgress = () => undefined) =>
  new Promise((resolve, reject) => {
    docker.modem.followProgress(
      stream,
      (error, output) => (error ? reject(error) : resolve(output)),
      onProgress,
    );
  });

function archive(files) {
  const pack = tar.pack();
  for (const [name, text] of Object.entries(files)) pack.entry({ name }, text);
  pack.finalize();
  return pack;
}

test('ping, version, info', async () => {
  assert.equal((await docker.ping()).toString(), 'OK');
  assert.equal((await docker.version()).Os, 'linux');
  assert.equal(typeof (await docker.info()).Containers, 'number');
});

test('run pipes the output', async () => {
  const out = new PassThrough();
  const [{ StatusCode }, container] = await docker.run('busybox', ['sh', '-c', 'echo run; exit 3'], out, {
    Tty: false,
  });
  assert.equal(StatusCode, 3);
  await container.remove();
});

test('attach with hijack: input, half-close, both streams', async () => {
  const container = await create({
    Cmd: ['sh', '-c', 'cat; echo err >&2'],
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
  });
  const stream = await container.attach({
    stream: true,
    stdin: true,
    stdout: true,
    stderr: true,
    hijack: true,
  });
  await container.start();
  stream.end('typed\n');
  assert.deepEqual(await demuxed(stream), ['typed\n', 'err\n']);
  assert.equal((await container.wait()).StatusCode, 0);
});

test('attach without hijack: a plain response', async () => {
  const container = await create({ Cmd: ['sh', '-c', 'echo o; echo e >&2'] });
  const stream = await container.attach({ stream: true, stdout: true, stderr: true });
  await container.start();
  assert.deepEqual(await demuxed(stream), ['o\n', 'e\n']);
});

test('attach to a terminal is raw', async () => {
  const container = await create({
    Cmd: ['sh', '-c', 'stty -echo; read x; echo got $x'],
    OpenStdin: true,
    Tty: true,
  });
  const stream = await container.attach({
    stream: true,
    stdin: true,
    stdout: true,
    stderr: true,
    hijack: true,
  });
  await container.start();
  await container.resize({ h: 30, w: 100 });
  await sleep(200);
  stream.write('word\n');
  assert.match(await textOf(stream), /got word\r\n$/);
});

test('exec with hijack: input and half-close', async () => {
  const container = await sleeper('exec-hijack');
  const exec = await container.exec({
    Cmd: ['cat'],
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
  });
  const stream = await exec.start({ hijack: true, stdin: true });
  stream.end('x'.repeat(100_000));
  const [stdout] = await demuxed(stream);
  assert.equal(stdout.length, 100_000);
  assert.deepEqual(pick(await exec.inspect(), 'Running', 'ExitCode', 'ContainerID'), {
    Running: false,
    ExitCode: 0,
    ContainerID: container.id,
  });
});

test('exec without hijack', async () => {
  const container = await sleeper('exec-plain');
  const exec = await container.exec({
    Cmd: ['sh', '-c', 'echo o; echo e >&2; exit 7'],
    AttachStdout: true,
    AttachStderr: true,
  });
  assert.deepEqual(await demuxed(await exec.start({})), ['o\n', 'e\n']);
  assert.equal((await exec.inspect()).ExitCode, 7);
});

test('exec: tty, user, env, directory, detached', async () => {
  const container = await sleeper('exec-more');
  const exec = await container.exec({
    Cmd: ['sh', '-c', 'tty; id -u; echo $A; pwd'],
    AttachStdout: true,
    Tty: true,
    User: '9',
    Env: ['A=b'],
    WorkingDir: '/etc',
  });
  assert.match(
    await textOf(await exec.start({ Tty: true, hijack: true })),
    /^\/dev\/pts\/\d+\r\n9\r\nb\r\n\/etc\r\n$/,
  );
  const detached = await container.exec({ Cmd: ['touch', '/tmp/made'] });
  await detached.start({ Detach: true });
  await sleep(300);
  assert.equal((await detached.inspect()).ExitCode, 0);
  await assert.rejects(docker.getExec('0'.repeat(64)).inspect(), { statusCode: 404 });
});

test('logs: as a buffer, followed, cut off', async () => {
  const container = await create({ Cmd: ['sh', '-c', 'echo 1; sleep 0.3; echo 2'] });
  await container.start();
  const stream = await container.logs({ follow: true, stdout: true, stderr: true });
  assert.deepEqual(await demuxed(stream), ['1\n2\n', '']);
  const buffer = await container.logs({ stdout: true, tail: 1 });
  assert.equal(buffer.toString().slice(8), '2\n');
  assert.equal(buffer[0], 1);
  assert.equal(buffer.readUInt32BE(4), 2);
  const again = await create({ Cmd: ['sleep', '1000'] });
  await again.start();
  const endless = await again.logs({ follow: true, stdout: true });
  endless.destroy();
});

test('stats: stream and one shot', async () => {
  const container = await sleeper('stats');
  const once = await container.stats({ stream: false });
  assert.ok(once.cpu_stats.system_cpu_usage > 0 && once.precpu_stats.system_cpu_usage > 0);
  const shot = await container.stats({ stream: false, 'one-shot': true });
  assert.equal(shot.precpu_stats.system_cpu_usage, undefined);
  const stream = await container.stats({ stream: true });
  for await (const part of stream) {
    assert.equal(JSON.parse(part.toString()).name, '/stats');
    break;
  }
});

test('errors carry status and reason', async () => {
  await assert.rejects(docker.getContainer('nobody').inspect(), {
    statusCode: 404,
    json: { message: 'No such container: nobody' },
  });
  await assert.rejects(
    docker.getImage('nosuch').inspect(),
    (error) => error.statusCode === 404 && /No such image: nosuch/.test(error.json.message),
  );
  await assert.rejects(
    docker.createContainer({ Image: 'nosuch:1' }),
    (error) => error.statusCode === 404 && /No such image: nosuch:1/.test(error.json.message),
  );
  await assert.rejects(docker.createContainer({ Image: 'busybox', Cmd: 5 }), { statusCode: 400 });
  await assert.rejects(docker.createContainer({ Image: 'busybox', HostConfig: { Memory: 'x' } }), {
    statusCode: 400,
  });
  const container = await sleeper('twice');
  await assert.rejects(container.start(), { statusCode: 304 });
  await assert.rejects(container.remove(), { statusCode: 409 });
  await container.stop();
  await assert.rejects(container.stop(), { statusCode: 304 });
  await assert.rejects(container.kill(), { statusCode: 409 });
});

test('pull of what is nowhere fails with a status or in the stream', async () => {
  await assert.rejects(
    docker.pull('127.0.0.1:1/none:tag').then((stream) => followed(stream)),
    /refused|127\.0\.0\.1/,
  );
});

test('build with followProgress', async () => {
  const stream = await docker.buildImage(archive({ Dockerfile: 'FROM busybox\nRUN echo x > /x\n' }), {
    t: 'rode:1',
  });
  const seen = [];
  const output = await followed(stream, (event) => seen.push(event));
  assert.ok(seen.length > 0 && output.some(({ aux }) => aux?.ID?.startsWith('sha256:')));
  assert.ok(output.some(({ stream: text }) => /Successfully tagged rode:1/.test(text ?? '')));
  const broken = await docker.buildImage(archive({ Dockerfile: 'FROM busybox\nRUN exit 4\n' }), {});
  const failed = (await followed(broken)).find(({ error }) => error !== undefined);
  assert.match(failed.error, /returned a non-zero code: 4/);
  assert.equal(failed.errorDetail.code, 4);
  await docker.getImage('rode:1').remove();
});

test('archives in and out, and their head', async () => {
  const container = await sleeper('arch');
  await container.putArchive(archive({ 'd/f': 'text' }), { path: '/tmp' });
  const extract = tar.extract();
  const names = [];
  extract.on('entry', (header, body, next) => {
    names.push(header.name);
    body.resume().on('end', next);
  });
  const done = new Promise((resolve) => extract.on('finish', resolve));
  (await container.getArchive({ path: '/tmp/d' })).pipe(extract);
  await done;
  assert.deepEqual(new Set(names.map((name) => name.replace(/\/$/, ''))), new Set(['d', 'd/f']));
  const { headers } = await container.infoArchive({ path: '/tmp/d/f' });
  assert.deepEqual(
    pick(
      JSON.parse(Buffer.from(headers['x-docker-container-path-stat'], 'base64').toString()),
      'name',
      'size',
      'linkTarget',
    ),
    { name: 'f', size: 4, linkTarget: '' },
  );
});

test('commit, export, changes, rename, update, pause, top', async () => {
  const container = await sleeper('many');
  const exec = await container.exec({ Cmd: ['touch', '/new'], AttachStdout: true });
  await textOf(await exec.start({}));
  assert.ok((await container.changes()).some(({ Path, Kind }) => Path === '/new' && Kind === 1));
  const { Id } = await container.commit({ repo: 'roded', tag: 'x', comment: 'c', author: 'a' });
  assert.match(Id, /^sha256:/);
  assert.ok((await textOf(await container.export())).length > 1000);
  await container.rename({ name: 'many2' });
  await container.update({ CpuShares: 300 });
  await container.pause();
  assert.equal((await container.inspect()).State.Status, 'paused');
  await container.unpause();
  assert.deepEqual((await container.top({ ps_args: '-o pid,comm' })).Titles, ['PID', 'COMMAND']);
  await docker.getImage('roded:x').remove({ force: true });
});

test('images: list, tag, history, save, load, prune', async () => {
  const image = docker.getImage('busybox');
  await image.tag({ repo: 'rodetag', tag: 't' });
  assert.equal((await docker.listImages({ filters: { reference: ['rodetag:t'] } })).length, 1);
  assert.ok((await image.history()).length >= 1);
  const saved = Buffer.from(await textOfBinary(await docker.getImage('rodetag:t').get()));
  await docker.getImage('rodetag:t').remove();
  const output = await followed(await docker.loadImage(streamOf(saved), {}));
  assert.ok(output.some(({ stream }) => /Loaded image: rodetag:t/.test(stream ?? '')));
  await docker.getImage('rodetag:t').remove();
  assert.equal(typeof (await docker.pruneImages()).SpaceReclaimed, 'number');
});

test('networks and volumes', async () => {
  const network = await docker.createNetwork({
    Name: 'rodenet',
    CheckDuplicate: true,
    IPAM: { Config: [{ Subnet: '10.183.0.0/24' }] },
  });
  const container = await sleeper('netted');
  await network.connect({
    Container: container.id,
    EndpointConfig: { Aliases: ['al'], IPAMConfig: { IPv4Address: '10.183.0.9' } },
  });
  assert.equal((await container.inspect()).NetworkSettings.Networks.rodenet.IPAddress, '10.183.0.9');
  assert.ok((await network.inspect()).Containers[container.id].IPv4Address.startsWith('10.183.0.9/'));
  await network.disconnect({ Container: container.id, Force: true });
  await network.remove();
  assert.ok((await docker.listNetworks({ filters: { driver: ['bridge'] } })).length >= 1);
  const volume = await docker.createVolume({ Name: 'rodevol', Labels: { a: 'b' } });
  assert.equal((await volume.inspect()).Labels.a, 'b');
  assert.equal((await docker.listVolumes({ filters: { name: ['rodevol'] } })).Volumes.length, 1);
  await volume.remove();
  await docker.pruneNetworks();
  await docker.pruneVolumes();
});

test('events arrive while they happen', async () => {
  const stream = await docker.getEvents({ filters: { type: ['container'], event: ['start'] } });
  const seen = new Promise((resolve) => stream.once('data', (data) => resolve(JSON.parse(data.toString()))));
  await sleep(200);
  const container = await sleeper('evented');
  const event = await seen;
  assert.deepEqual(
    [event.Type, event.Action, event.Actor.ID, event.scope],
    ['container', 'start', container.id, 'local'],
  );
  assert.ok(event.time > 0 && event.timeNano > event.time);
  stream.destroy();
});

test('df, and auth that nobody answers', async () => {
  const usage = await docker.df();
  assert.ok(Array.isArray(usage.Images) && Array.isArray(usage.Containers) && Array.isArray(usage.Volumes));
  await assert.rejects(
    docker.checkAuth({ username: 'a', password: 'b', serveraddress: 'http://127.0.0.1:1/' }),
  );
});

test('a hundred requests at once', async () => {
  const containers = await Promise.all(
    Array.from({ length: 20 }, (_, index) => create({ name: `at-once-${index}`, Cmd: ['true'] })),
  );
  const inspected = await Promise.all(
    containers.flatMap((container) => Array.from({ length: 5 }, () => container.inspect())),
  );
  assert.equal(inspected.length, 100);
  await Promise.all(containers.map((container) => container.remove()));
});

function pick(object, ...names) {
  return Object.fromEntries(names.map((name) => [name, object[name]]));
}

async function textOfBinary(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

function streamOf(buffer) {
  const stream = new PassThrough();
  stream.end(buffer);
  return stream;
}

await runCases(async () => {
  const all = await docker.listContainers({ all: true });
  await Promise.all(all.map(({ Id }) => docker.getContainer(Id).remove({ force: true, v: true })));
});
