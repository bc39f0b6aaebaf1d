/** The command line was not understood: exit status 125, as docker's. The command's name is added where it is printed. */
export class UsageError extends Error {}

/** A command ends with this exit status; a message, where there is one, is printed as `hull: …`. */
export class CommandFailure extends Error {
  readonly exitStatus: number;

  constructor(exitStatus: number, message = '') {
    super(message);
    this.exitStatus = exitStatus;
  }
}

/** `--help` stands where a flag may stand. */
export class HelpRequest extends Error {}
