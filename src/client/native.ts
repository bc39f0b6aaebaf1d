import type {
  BootstrapLine,
  BootstrapRequest,
  CheckResponse,
  CompareLine,
  CompareRequest,
  ComparisonReport,
  Footprint,
  GcAnswer,
  GcRequest,
  GcSchedule,
  GcScheduleAnswer,
  HullInfo,
  InstanceUpdateAnswer,
  InstanceUpdateRequest,
  Machine,
  MachineCreateRequest,
  MachineLine,
  MachineList,
  NativeErrorResponse,
  ProgressLine,
  ShutdownRequest,
} from '../../api/native.ts';
import { ApiError } from './api-error.ts';
import type { Caller } from './caller.ts';

export type OnProgress = (line: ProgressLine) => void;

/** `/hull/v1`: everything that Docker has no word for. */
export class Native {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  async bootstrap(
    request: BootstrapRequest,
    onProgress: OnProgress,
    signal?: AbortSignal,
  ): Promise<{ Id: string }> {
    const last = await this.#operation<BootstrapLine>('/hull/v1/bootstrap', request, onProgress, signal);
    return 'image' in last ? last.image : incomplete('bootstrap');
  }

  async compare(
    request: CompareRequest,
    onProgress: OnProgress,
    signal?: AbortSignal,
  ): Promise<ComparisonReport> {
    const last = await this.#operation<CompareLine>('/hull/v1/compare', request, onProgress, signal);
    return 'report' in last ? last.report : incomplete('compare');
  }

  async createMachine(
    request: MachineCreateRequest,
    onProgress: OnProgress,
    signal?: AbortSignal,
  ): Promise<Machine> {
    const last = await this.#operation<MachineLine>('/hull/v1/machines', request, onProgress, signal);
    return 'machine' in last ? last.machine : incomplete('machine create');
  }

  async machines(): Promise<readonly Machine[]> {
    return (await this.#caller.json<MachineList>('GET', '/hull/v1/machines')).machines;
  }

  machine(name: string): Promise<Machine> {
    return this.#caller.json('GET', `/hull/v1/machines/${encodeURIComponent(name)}`);
  }

  async removeMachine(name: string): Promise<void> {
    await this.#caller.done('DELETE', `/hull/v1/machines/${encodeURIComponent(name)}`);
  }

  updateInstance(id: string, request: InstanceUpdateRequest): Promise<InstanceUpdateAnswer> {
    return this.#caller.json('POST', `/hull/v1/instances/${encodeURIComponent(id)}/update`, {
      json: request,
    });
  }

  gc(request: GcRequest): Promise<GcAnswer> {
    return this.#caller.json('POST', '/hull/v1/gc', { json: request });
  }

  async gcSchedule(): Promise<GcSchedule | null> {
    return (await this.#caller.json<GcScheduleAnswer>('GET', '/hull/v1/gc/schedule')).schedule;
  }

  async setGcSchedule(schedule: GcSchedule | null): Promise<void> {
    if (schedule === null) await this.#caller.done('DELETE', '/hull/v1/gc/schedule');
    else await this.#caller.done('PUT', '/hull/v1/gc/schedule', { json: schedule });
  }

  async check(options: {
    repair: boolean;
    deep: boolean;
    discard: boolean;
  }): Promise<CheckResponse['findings']> {
    return (await this.#caller.json<CheckResponse>('GET', '/hull/v1/check', { query: options })).findings;
  }

  async shutdown(instances: 'keep' | 'stop'): Promise<void> {
    const json: ShutdownRequest = { instances };
    await this.#caller.done('POST', '/hull/v1/shutdown', { json });
  }

  info(): Promise<HullInfo> {
    return this.#caller.json('GET', '/hull/v1/info');
  }

  footprint(id: string): Promise<Footprint> {
    return this.#caller.json('GET', `/hull/v1/instances/${encodeURIComponent(id)}/footprint`);
  }

  /** Reports progress lines as they come; resolves to the first line that is a result, throws the one that is an error. */
  async #operation<Line extends object>(
    path: string,
    json: unknown,
    onProgress: OnProgress,
    signal: AbortSignal | undefined,
  ): Promise<Exclude<Line, ProgressLine | NativeErrorResponse>> {
    const lines = this.#caller.stream<Line>('POST', path, {
      json,
      ...(signal === undefined ? {} : { signal }),
    });
    for await (const line of lines) {
      if ('error' in line) throw errorOf(line as unknown as NativeErrorResponse);
      if ('phase' in line) onProgress(line as unknown as ProgressLine);
      else return line as Exclude<Line, ProgressLine | NativeErrorResponse>;
    }
    return incomplete(path);
  }
}

function errorOf({ error }: NativeErrorResponse): ApiError {
  return new ApiError(500, error.message, error.code, error.details);
}

function incomplete(what: string): never {
  throw new ApiError(500, `the engine ended ${what} without a result; look at its log`, 'internal');
}
