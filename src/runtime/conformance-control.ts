import { expect } from 'bun:test';
import { type Bench, bytes, codeOf, pause } from './conformance-bench.ts';
import { isPausable, isUpdatable, type Pausable, type Runtime, type Updatable } from './runtime.ts';

function pausable(runtime: Runtime): Runtime & Pausable {
  if (isPausable(runtime)) return runtime;
  throw new Error(`the runtime of ${runtime.isolation} cannot pause`);
}

function updatable(runtime: Runtime): Runtime & Updatable {
  if (isUpdatable(runtime)) return runtime;
  throw new Error(`the runtime of ${runtime.isolation} cannot change limits`);
}

/** The optional capabilities: stopping for a while, and changing limits. */
export const CONTROL_CASES: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
  'a paused workload does nothing, and goes on': async (bench) => {
    const { bundle, stdio } = await bench.created(['cat'], { openStdin: true, stdinOnce: true });
    const runtime = pausable(bench.runtime);
    await runtime.start(bundle.id);
    let seen = '';
    const reading = (async () => {
      for await (const { data } of stdio.output) seen += new TextDecoder().decode(data);
    })();
    await stdio.write(bytes('before\n'));
    while (seen === '') await pause(10);
    await runtime.pause(bundle.id);
    await runtime.pause(bundle.id);
    void stdio.write(bytes('held\n'));
    await pause(300);
    expect(seen).toBe('before\n');
    expect((await runtime.stats(bundle.id)).memoryUsage).toBeGreaterThan(0);
    await runtime.resume(bundle.id);
    await runtime.resume(bundle.id);
    await stdio.closeInput();
    await reading;
    expect(seen).toBe('before\nheld\n');
  },
  'a workload that starts processes all the time is paused too': async (bench) => {
    const { bundle } = await bench.started(['sh', '-c', 'while /bin/true; do :; done']);
    const runtime = pausable(bench.runtime);
    for (let count = 0; count < 5; count += 1) {
      await runtime.pause(bundle.id);
      await runtime.resume(bundle.id);
    }
  },
  'a paused workload is killed as soon as it goes on': async (bench) => {
    const { bundle } = await bench.started(['sleep', '100']);
    const runtime = pausable(bench.runtime);
    await runtime.pause(bundle.id);
    await runtime.signal(bundle.id, 9);
    // A VM's end needs no going on.
    await runtime.resume(bundle.id).catch(() => undefined);
    expect((await runtime.wait(bundle.id)).code).toBe(137);
    expect(await codeOf(runtime.pause(bundle.id))).toBe('wrong-state');
  },
  'a paused workload can be deleted': async (bench) => {
    const { bundle } = await bench.started(['sleep', '100']);
    await pausable(bench.runtime).pause(bundle.id);
    await bench.runtime.delete(bundle.id);
    expect(await bench.leftovers(bundle.id)).toEqual([]);
  },
  'the next daemon finds it paused': async (bench) => {
    const { bundle } = await bench.started(['sleep', '100']);
    await pausable(bench.runtime).pause(bundle.id);
    const runtime = pausable(bench.reopen());
    expect(await runtime.adopt(bundle)).toMatchObject({ state: 'running', paused: true });
    await runtime.resume(bundle.id);
    await runtime.signal(bundle.id, 9);
    expect((await runtime.wait(bundle.id)).code).toBe(137);
  },
  'limits change while it runs, or stay and say so': async (bench) => {
    const resources = { memory: 64 << 20, nanoCpus: 1e9 };
    const { bundle } = await bench.started(['sleep', '100'], {}, { resources });
    const runtime = updatable(bench.runtime);
    await runtime.update(bundle.id, { ...resources, nanoCpus: 5e8 });
    const failure = await codeOf(runtime.update(bundle.id, { nanoCpus: 5e8, memory: 256 << 20 }));
    const { memoryLimit } = await runtime.stats(bundle.id);
    expect([failure, memoryLimit]).toBeOneOf([
      ['it succeeded', 256 << 20],
      ['not-supported', 64 << 20],
    ]);
    await runtime.delete(bundle.id);
    expect(await codeOf(runtime.update(bundle.id, resources))).toBe('wrong-state');
  },
};
