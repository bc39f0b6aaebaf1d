import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { parseQmp, QmpParser } from './qmp.ts';

describe('QEMU’s monitor', () => {
  test('its messages are told apart', () => {
    expect(parseQmp('{"QMP": {"version": {}}}')).toEqual({ kind: 'greeting' });
    expect(parseQmp('{"return": {"a": 1}, "id": 7}')).toEqual({ kind: 'return', id: 7, value: { a: 1 } });
    expect(parseQmp('{"error": {"class": "GenericError", "desc": "no"}, "id": 8}')).toEqual({
      kind: 'error',
      id: 8,
      text: 'no',
    });
    expect(parseQmp('{"event": "SHUTDOWN", "data": {"guest": true}}')).toEqual({
      kind: 'event',
      name: 'SHUTDOWN',
      data: { guest: true },
    });
    for (const line of ['', 'x', '[]', 'null', '{}', '{"error": 1}', '{"event": 1}'])
      expect(parseQmp(line)).toBeNull();
  });

  test('any bytes are parsed without a throw, and messages survive any cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue(), { maxLength: 6 }),
        fc.string({ maxLength: 50 }),
        fc.nat(500),
        (values, junk, cut) => {
          const lines = values.map((value, id) => JSON.stringify({ return: value, id }));
          const bytes = Buffer.from(
            `${junk.replaceAll('\n', ' ')}\n${lines.map((line) => `${line}\r\n`).join('')}`,
          );
          const parser = new QmpParser();
          const at = cut % (bytes.length + 1);
          const messages = [...parser.push(bytes.subarray(0, at)), ...parser.push(bytes.subarray(at))];
          const returned = messages.filter((message) => message.kind === 'return');
          expect(returned.map((message) => JSON.stringify(message.value))).toEqual(
            values.map((value) => JSON.stringify(value)),
          );
        },
      ),
    );
  });

  test('a line without end is refused', () => {
    const parser = new QmpParser();
    expect(() => {
      for (let count = 0; count < 6; count++) parser.push(Buffer.alloc(1 << 20, 'x'));
    }).toThrow('a line that is too long');
  });
});
