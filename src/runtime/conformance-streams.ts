import { expect } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { type Bench, bytes, collect, pause, readAll, text } from './conformance-bench.ts';

/** Input, output and terminals of a workload. */
export const STREAM_CASES: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
  'stdout and stderr apart': async (bench) => {
    const { chunks } = await bench.run(['sh', '-c', 'echo out; echo err >&2']);
    const of = (stream: string) =>
      chunks
        .filter((chunk) => chunk.stream === stream)
        .map(({ data }) => text(data))
        .join('');
    expect([of('stdout'), of('stderr')]).toEqual(['out\n', 'err\n']);
  },
  'stdin is echoed and its end ends cat': async (bench) => {
    const { runtime, bundle, stdio } = await bench.created(['cat'], { openStdin: true, stdinOnce: true });
    await runtime.start(bundle.id);
    await stdio.write(bytes('one\n'));
    await stdio.write(bytes('two\n'));
    await stdio.closeInput();
    expect(await readAll(stdio)).toBe('one\ntwo\n');
    expect((await runtime.wait(bundle.id)).code).toBe(0);
  },
  'much input and output': async (bench) => {
    const { runtime, bundle, stdio } = await bench.created(['cat'], { openStdin: true, stdinOnce: true });
    await runtime.start(bundle.id);
    const sent = randomBytes(300_000);
    const received = collect(stdio);
    for (let start = 0; start < sent.length; start += 50_000)
      await stdio.write(sent.subarray(start, start + 50_000));
    await stdio.closeInput();
    expect(Buffer.concat(await received).equals(sent)).toBe(true);
  },
  'input that nobody reads costs no output': async (bench) => {
    const command = ['head', '-c', '400000', '/dev/zero'];
    const { runtime, bundle, stdio } = await bench.created(command, { openStdin: true });
    const received = collect(stdio);
    const typed = stdio.write(Buffer.alloc(500_000)).catch(() => undefined);
    await runtime.start(bundle.id);
    expect(Buffer.concat(await received).byteLength).toBe(400_000);
    expect((await runtime.wait(bundle.id)).code).toBe(0);
    await typed;
  },
  'several attached clients see the same': async (bench) => {
    const { runtime, bundle, stdio } = await bench.created(['cat'], { openStdin: true, stdinOnce: true });
    const second = await runtime.attach(bundle.id, { stdin: false });
    await runtime.start(bundle.id);
    await stdio.write(bytes('both\n'));
    await stdio.closeInput();
    expect(await Promise.all([readAll(stdio), readAll(second)])).toEqual(['both\n', 'both\n']);
  },
  'an output-only client that leaves closes no stdin': async (bench) => {
    const { runtime, bundle, stdio } = await bench.created(['cat'], { openStdin: true, stdinOnce: true });
    const watcher = await runtime.attach(bundle.id, { stdin: false });
    await runtime.start(bundle.id);
    watcher.detach();
    await pause(50);
    await stdio.write(bytes('still open\n'));
    await stdio.closeInput();
    expect(await readAll(stdio)).toBe('still open\n');
  },
  'a client that leaves does not stop the workload': async (bench) => {
    const { runtime, bundle, stdio } = await bench.created(['sleep', '0.3']);
    await runtime.start(bundle.id);
    stdio.detach();
    expect((await runtime.wait(bundle.id)).code).toBe(0);
  },
  'terminal: echo, carriage returns, size': async (bench) => {
    const script = 'stty size; read line; echo "got $line"';
    const size = { rows: 33, columns: 99 };
    const { runtime, bundle, stdio } = await bench.created(['sh', '-c', script], {
      openStdin: true,
      tty: true,
      size,
    });
    await runtime.start(bundle.id);
    // A terminal echoes what is typed ahead at once: before the size is out, the echo would come first.
    let output = '';
    for await (const chunk of stdio.output) {
      const typed = output.includes('\n');
      output += text(chunk.data);
      if (!typed && output.includes('\n')) await stdio.write(bytes('abc\n'));
    }
    await runtime.wait(bundle.id);
    expect(output).toBe('33 99\r\nabc\r\ngot abc\r\n');
  },
  'terminal: resize': async (bench) => {
    const { runtime, bundle, stdio } = await bench.created(['sh', '-c', 'read line; stty size'], {
      openStdin: true,
      tty: true,
    });
    const output = readAll(stdio);
    await runtime.start(bundle.id);
    await runtime.resize(bundle.id, { rows: 41, columns: 120 });
    await pause(100);
    await stdio.write(bytes('\n'));
    expect(await output).toContain('41 120');
  },
};
