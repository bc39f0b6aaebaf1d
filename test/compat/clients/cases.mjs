/** The cases of a client's script: each is run in its turn, and a line of JSON tells what it came to. */
const cases = [];

/** The text `test('NAME'` is what the suite finds the cases by. */
export function test(name, body) {
  cases.push({ name, body });
}

/** `tidy` is called after each case, whatever it came to. */
export async function runCases(tidy) {
  for (const { name, body } of cases) {
    let error = null;
    try {
      await within(60_000, body());
    } catch (failure) {
      error = failure?.stack ?? String(failure);
    }
    await tidy().catch(() => undefined);
    process.stdout.write(`${JSON.stringify({ name, error })}\n`);
  }
}

function within(milliseconds, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${milliseconds} ms`)), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** All that a stream gives, as text. */
export async function textOf(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts).toString();
}
