import { ApiError } from '../client/api-error.ts';
import { isHullError, messageOf } from '../model/errors.ts';
import { BrokenPipe, type CliIo } from './io.ts';
import { TemplateError } from './template/template-error.ts';
import { CommandFailure, UsageError } from './usage-error.ts';

const USAGE_STATUS = 125;

/** Prints a failure as `hull: …` with what to do next, and gives the exit status. */
export function report(io: CliIo, error: unknown, command: string, failureStatus: number): number {
  if (error instanceof BrokenPipe) return 0;
  if (error instanceof CommandFailure) {
    if (error.message !== '') print(io, error.message);
    return error.exitStatus;
  }
  if (error instanceof UsageError) {
    print(io, `${error.message}\nSee 'hull ${command === '' ? '' : `${command} `}--help'.`);
    return USAGE_STATUS;
  }
  print(io, explained(error));
  return failureStatus;
}

function explained(error: unknown): string {
  const message = messageOf(error);
  if (error instanceof TemplateError) return `the template of --format is wrong: ${message}`;
  if (
    isHullError(error, 'engine-unreachable') &&
    ['ENOENT', 'ECONNREFUSED'].includes(String(error.details['reason']))
  ) {
    return `${message}; is it running? Start it with 'hull daemon', or set HULL_HOST`;
  }
  if (error instanceof ApiError && /^no such image: \S+$/i.test(message)) {
    return `${message}; see 'hull images', or make one with 'hull build' or 'hull bootstrap'`;
  }
  if (error instanceof ApiError && /^no such container: \S+$/i.test(message))
    return `${message}; see 'hull ps -a'`;
  if (error instanceof ApiError && /^container \S+ is not running$/i.test(message))
    return `${message}; start it with 'hull start'`;
  return message;
}

function print(io: CliIo, text: string): void {
  try {
    io.err(`hull: ${text}\n`);
  } catch {
    // Nobody listens any more: the exit status alone remains.
  }
}
