import { defineCommand } from '../command.ts';
import { attachmentOf, createRequest } from '../run/create-request.ts';
import { createInstance } from '../run/create.ts';
import { start, startAttached } from '../run/attached.ts';
import { INSTANCE_FLAGS, RUN_FLAGS } from '../run/instance-flags.ts';
import { RunTimings } from '../run/run-timings.ts';
import { startFailure } from '../stream/exit-status.ts';
import { CommandFailure, UsageError } from '../usage-error.ts';
import { detachKeysOf } from '../values/detach-keys.ts';

export const command = defineCommand({
  usage: 'run [OPTIONS] IMAGE [COMMAND] [ARG...]',
  summary: 'Create and run a new instance of an image, as a container or as a virtual machine',
  example:
    'hull run --rm -it debian:bookworm-slim bash\nhull run -d --isolation vm --memory 256m -p 1812:1812/udp --name radius freeradius',
  flags: { ...INSTANCE_FLAGS, ...RUN_FLAGS },
  args: {},
  passThrough: true,
  completeArgs: ['images', 'files'],
  failureStatus: 125,
  run: async (context, values, args) => {
    const { io, client } = context;
    const attach = attachmentOf(values, values.detach);
    if (values.detach && values.attach.length > 0) throw new UsageError('conflicting options: -a and -d');
    const timings = values.timings ? new RunTimings() : undefined;
    timings?.mark('command read');
    const detachKeys = detachKeysOf(values['detach-keys']);
    const request = createRequest(io, values, args, attach);
    const attached = attach.stdin || attach.stdout || attach.stderr;
    if (attach.stdin && values.tty && !io.isTty('stdin'))
      throw new CommandFailure(1, 'the input device is not a TTY');
    // Attach, wait and start overlap: their connections are opened while the engine creates.
    const warm = attached ? client.warm(2).catch(() => undefined) : Promise.resolve();
    const id = await createInstance(context, values, request).catch((error: unknown) => {
      throw startFailure(error);
    });
    timings?.mark('created');
    await warm;
    if (!attached) {
      await start(context, id, timings);
      io.out(`${id}\n`);
      if (timings !== undefined) io.err(timings.toString());
      return 0;
    }
    const signalProxy = values['sig-proxy'] ?? true;
    const status = await startAttached(context, {
      id,
      tty: values.tty,
      ...attach,
      autoRemove: values.rm,
      signalProxy,
      detachKeys,
      detachKeysText: values['detach-keys'],
      timings,
    });
    if (timings !== undefined) io.err(timings.toString());
    return status;
  },
});
