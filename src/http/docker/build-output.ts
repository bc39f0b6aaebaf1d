import type { BuildMessage } from '../../../api/docker.ts';
import type { BuildEvent, TransferProgress } from '../../engine/api.ts';
import { HullError, isHullError, toHullError } from '../../model/errors.ts';
import type { Digest } from '../../model/image.ts';
import type { Exchange, JsonSink } from '../exchange.ts';
import { familiarName } from '../familiar-name.ts';
import { errorLine, progressLine } from './transfer-stream.ts';

export interface OutputOptions {
  /** Only the image's id. */
  readonly quiet: boolean;
  /** Say that a step's container is removed: it is in any case. */
  readonly tellsRemoval: boolean;
}

/** Tells a build's events in the words of Docker's classic builder. The stream opens with the first of them. */
export class BuildOutput {
  readonly #exchange: Exchange;
  readonly #options: OutputOptions;
  #sink: JsonSink | null = null;
  readonly #stages = new StageIds();

  constructor(exchange: Exchange, options: OutputOptions) {
    this.#exchange = exchange;
    this.#options = options;
  }

  event(event: BuildEvent): void {
    const told = event.type === 'layer' ? { ...event, digest: this.#stages.after(event) } : event;
    const text = this.#options.quiet ? '' : eventText(told, this.#options);
    if (event.type === 'step') this.#stages.begins(event);
    if (text !== '') void this.#write({ stream: text });
  }

  /** A base image that is pulled. */
  progress(progress: TransferProgress): void {
    if (!this.#options.quiet) void this.#write(progressLine(progress));
  }

  async done(id: string, tags: readonly string[]): Promise<void> {
    const { quiet } = this.#options;
    await this.#write({ aux: { ID: id } });
    if (quiet) await this.#write({ stream: `${id}\n` });
    else await this.#write({ stream: `Successfully built ${shortId(id)}\n` });
    for (const tag of quiet ? [] : new Set(tags.map((one) => withTag(familiarName(one)))))
      await this.#write({ stream: `Successfully tagged ${tag}\n` });
    this.#sink?.end();
  }

  async failed(thrown: unknown): Promise<void> {
    await this.#write(failureLine(toHullError(thrown)));
    this.#sink?.end();
  }

  #write(message: BuildMessage): Promise<void> {
    this.#sink ??= this.#exchange.openJson();
    return this.#sink.write(message);
  }
}

/** What each stage stands on by now: Docker's builder says it after every step, whether the step has changed a file or not. */
class StageIds {
  /** By the number of the stage's first step; its others follow without a gap. */
  readonly #ids = new Map<number, Digest | null>();

  begins({ number, text }: Extract<BuildEvent, { type: 'step' }>): void {
    if (/^from\s/i.test(text)) this.#ids.set(number, null);
  }

  after({ digest, step = 0 }: Extract<BuildEvent, { type: 'layer' }>): Digest | null {
    const stage = Math.max(...[...this.#ids.keys()].filter((first) => first <= step), 0);
    if (digest !== null) this.#ids.set(stage, digest);
    return this.#ids.get(stage) ?? null;
  }
}

/** A command of the blueprint that failed: its status reaches clients in the stream alone. */
export function isFailedStep(error: unknown): boolean {
  return isHullError(error) && failedCommand(error) !== null;
}

function failedCommand({ details }: HullError): { exitCode: number; command: string } | null {
  const { exitCode, command } = details;
  return typeof exitCode === 'number' && typeof command === 'string' ? { exitCode, command } : null;
}

/** Clients look for Docker's words about a command that failed; ours come after them. */
function failureLine(error: HullError): object {
  const failed = failedCommand(error);
  if (failed === null) return errorLine(error);
  const message = `The command '${failed.command}' returned a non-zero code: ${failed.exitCode}\n${error.message}`;
  return errorLine(new HullError(error.code, message), { code: failed.exitCode });
}

function eventText(event: BuildEvent, { tellsRemoval }: OutputOptions): string {
  switch (event.type) {
    case 'step':
      return `Step ${event.number}/${event.total} : ${event.text}\n`;
    case 'cached':
      return ' ---> Using cache\n';
    case 'container':
      if (!event.ended) return ` ---> Running in ${event.id}\n`;
      return tellsRemoval ? ` ---> Removed intermediate container ${event.id}\n` : '';
    case 'output':
      return event.text;
    case 'layer':
      return event.digest === null ? '' : ` ---> ${shortId(event.digest)}\n`;
    case 'warning':
      return `[Warning] ${event.text}\n`;
    case 'image':
      return '';
  }
}

function shortId(digest: string): string {
  return digest.replace(/^sha256:/, '').slice(0, 12);
}

function withTag(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1).includes(':') ? name : `${name}:latest`;
}
