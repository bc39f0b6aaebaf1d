import { describe, expect, test } from 'bun:test';
import { FINAL_OVERSHOOT, FRAME, STDIN_WINDOW } from './agent-protocol.ts';
import { AgentStream, OUTPUT_WINDOW, u32 } from './agent-stream.ts';

function stream(): { stream: AgentStream; sent: { type: number; payload: Uint8Array }[] } {
  const sent: { type: number; payload: Uint8Array }[] = [];
  const made = new AgentStream(5, (type, _id, payload) => {
    sent.push({ type, payload: Buffer.from(payload) });
    return Promise.resolve();
  });
  return { stream: made, sent };
}

const output = (length: number) => Buffer.concat([Buffer.from([1]), Buffer.alloc(length, 'x')]);

describe('a stream', () => {
  test('gives credit again as its output is taken, and none while nobody takes it', async () => {
    const { stream: one, sent } = stream();
    await one.open();
    for (let count = 0; count < 16; count++) one.receive(FRAME.output, output(16_000));
    expect(sent.map((frame) => frame.type)).toEqual([FRAME.credit]);
    one.finish(0);
    let taken = 0;
    for await (const chunk of one.output) taken += chunk.data.length;
    expect(taken).toBe(256_000);
  });

  test('returns credit to a process that goes on', async () => {
    const { stream: one, sent } = stream();
    await one.open();
    for (let count = 0; count < 5; count++) one.receive(FRAME.output, output(16_000));
    const iterator = one.output[Symbol.asyncIterator]();
    for (let count = 0; count < 5; count++) await iterator.next();
    expect(
      sent
        .filter((frame) => frame.type === FRAME.credit)
        .map((frame) => Buffer.from(frame.payload).readUInt32LE()),
    ).toEqual([OUTPUT_WINDOW, 80_000]);
  });

  test('that sends beyond its credit and the last overshoot breaks the protocol', async () => {
    const { stream: one } = stream();
    await one.open();
    expect(() => {
      for (let bytes = 0; bytes <= OUTPUT_WINDOW + FINAL_OVERSHOOT; bytes += 16_000)
        one.receive(FRAME.output, output(16_000));
    }).toThrow('floods');
  });

  test('a flood of tiny and empty frames costs no more than its bytes', async () => {
    const { stream: one } = stream();
    await one.open();
    for (let count = 0; count < 20_000; count++)
      one.receive(FRAME.output, Buffer.from([1 + (count % 2), 120]));
    for (let count = 0; count < 20_000; count++) one.receive(FRAME.output, Buffer.from([1]));
    one.finish(0);
    const lengths = { stdout: 0, stderr: 0 };
    let chunks = 0;
    for await (const { stream: name, data } of one.output) {
      lengths[name] += data.length;
      chunks++;
    }
    expect(lengths).toEqual({ stdout: 10_000, stderr: 10_000 });
    expect(chunks).toBeLessThan(2000);
  });

  test('input waits for the window, and is dropped when the process ends', async () => {
    const { stream: one, sent } = stream();
    const writing = one.write(Buffer.alloc(STDIN_WINDOW + 100));
    await Bun.sleep(1);
    const length = (): number =>
      sent
        .filter((frame) => frame.type === FRAME.stdin)
        .reduce((sum, frame) => sum + frame.payload.length, 0);
    expect(length()).toBe(STDIN_WINDOW);
    one.receive(FRAME.stdinCredit, u32(60));
    await Bun.sleep(1);
    expect(length()).toBe(STDIN_WINDOW + 60);
    one.receive(FRAME.exit, u32(3));
    await writing;
    expect(await one.exited).toBe(3);
    await one.write(Buffer.from('late'));
    expect(length()).toBe(STDIN_WINDOW + 60);
  });
});
