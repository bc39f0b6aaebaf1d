import { defineCommand } from '../command.ts';
import { attachmentOf, createRequest } from '../run/create-request.ts';
import { createInstance } from '../run/create.ts';
import { INSTANCE_FLAGS } from '../run/instance-flags.ts';

export const command = defineCommand({
  usage: 'create [OPTIONS] IMAGE [COMMAND] [ARG...]',
  summary: 'Create a new instance without starting it',
  example: 'hull create --name web -p 8080:80 nginx',
  flags: INSTANCE_FLAGS,
  args: {},
  passThrough: true,
  completeArgs: ['images', 'files'],
  failureStatus: 125,
  run: async (context, values, args) => {
    const request = createRequest(context.io, values, args, attachmentOf(values, false));
    context.io.out(`${await createInstance(context, values, request)}\n`);
    return 0;
  },
});
