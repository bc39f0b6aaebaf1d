import type { ExecInspect, IdResponse } from '../../../api/docker.ts';
import type { EngineApi, ExecRequest } from '../../engine/api.ts';
import { messageOf } from '../../model/errors.ts';
import { detachWatcher, parseDetachKeys } from '../detach-keys.ts';
import type { Exchange } from '../exchange.ts';
import { encodeFrame } from '../framing.ts';
import type { Route } from '../router.ts';
import { bridge, type BridgeOptions } from '../stdio-bridge.ts';
import { streamType } from './container-streams.ts';
import { terminalSizeOf } from './containers.ts';
import { terminalSize, toExecRequest } from './create-request.ts';
import { execCreateBody, execStartBody } from './create-schema.ts';

export const execRoutes: readonly Route[] = [
  { method: 'POST', path: '/containers/:id/exec', handler: create },
  { method: 'POST', path: '/exec/:id/start', handler: start },
  { method: 'GET', path: '/exec/:id/json', handler: inspect },
  { method: 'POST', path: '/exec/:id/resize', handler: resize },
];

async function create(engine: EngineApi, exchange: Exchange): Promise<void> {
  const request = toExecRequest(await exchange.json(execCreateBody));
  // Once it runs, nobody could be told any more.
  parseDetachKeys(request.detachKeys ?? '');
  const answer: IdResponse = { Id: await engine.execs.create(exchange.param('id'), request) };
  exchange.send(answer, 201);
}

async function start(engine: EngineApi, exchange: Exchange): Promise<void> {
  const body = await exchange.json(execStartBody);
  const id = exchange.param('id');
  const size = terminalSize(body.ConsoleSize);
  const options = {
    detach: body.Detach ?? false,
    ...(typeof body.Tty === 'boolean' ? { tty: body.Tty } : {}),
    ...(size === undefined ? {} : { size }),
  };
  if (options.detach) {
    await engine.execs.start(id, options);
    return exchange.empty(200);
  }
  engine.execs.admitStart(id);
  // The headers go out before the command starts, as Docker has it: docker-py loses output that arrives together with them. What fails
  // from here on is told in the stream.
  const { request } = engine.execs.inspect(id);
  const connection = exchange.hijack(streamType(!request.tty, exchange.apiMinor));
  try {
    const stdio = await engine.execs.start(id, options);
    if (stdio !== null) await bridge(connection, stdio, bridgeOptions(request), exchange.signal);
  } catch (error) {
    const text = Buffer.from(`${messageOf(error)}\r\n`);
    await connection.write(request.tty ? text : encodeFrame('stdout', text));
  }
  connection.end();
}

function bridgeOptions({ tty, attach, detachKeys }: ExecRequest): BridgeOptions {
  const keys = parseDetachKeys(detachKeys ?? '');
  return {
    ...attach,
    // A terminal has one output.
    stdout: attach.stdout || (tty && attach.stderr),
    multiplexed: !tty,
    endsInput: !tty,
    ...(tty && attach.stdin ? { detach: detachWatcher(keys) } : {}),
  };
}

function inspect(engine: EngineApi, exchange: Exchange): void {
  const exec = engine.execs.inspect(exchange.param('id'));
  const [entrypoint = '', ...rest] = exec.request.args;
  const answer: ExecInspect = {
    ID: exec.id,
    Running: exec.running,
    ExitCode: exec.exitCode,
    ProcessConfig: {
      tty: exec.request.tty,
      entrypoint,
      arguments: rest,
      privileged: exec.request.privileged,
      ...(exec.request.user === undefined ? {} : { user: exec.request.user }),
    },
    OpenStdin: exec.request.attach.stdin,
    OpenStderr: exec.request.attach.stderr,
    OpenStdout: exec.request.attach.stdout,
    // True only while Docker's daemon is about to forget it.
    CanRemove: false,
    ContainerID: exec.instanceId,
    DetachKeys: exec.request.detachKeys ?? '',
    Pid: exec.pid,
  };
  exchange.send(answer);
}

async function resize(engine: EngineApi, exchange: Exchange): Promise<void> {
  await engine.execs.resize(exchange.param('id'), terminalSizeOf(exchange));
  exchange.empty(200);
}
