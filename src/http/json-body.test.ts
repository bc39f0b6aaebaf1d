import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { array, looseObject, nullish, number, optional, record, string } from 'valibot';
import { isHullError } from '../model/errors.ts';
import { checkJsonType, parseJson } from './json-body.ts';

const thing = looseObject({ a: optional(looseObject({})), b: optional(looseObject({})) });
const schema = looseObject({
  Memory: optional(number()),
  Inner: nullish(looseObject({ Size: optional(number()) })),
  Map: optional(record(string(), thing)),
  List: optional(array(thing)),
});

describe('a JSON body', () => {
  test.each(['', ' \n', '{}', 'null'])('%j asks for nothing', (text) => {
    expect(parseJson(schema, text)).toEqual({});
  });

  test('unknown fields are ignored', () => {
    expect(parseJson(schema, '{"Memory":1,"Other":[2]}')).toMatchObject({ Memory: 1 });
  });

  test.each([
    ['{', 'invalid JSON: '],
    ['{"Memory":1} x', 'invalid JSON: '],
    ['{"Memory":"1g"}', '"Memory"'],
    ['{"Inner":{"Size":"x"}}', '"Inner.Size"'],
    ['[]', 'invalid value'],
    ['"text"', 'invalid value'],
    ['{"Inner":[]}', '"Inner"'],
    ['{"Map":[]}', '"Map"'],
    ['{"Map":{"a":{"b":[]}}}', '"Map.a.b"'],
    ['{"List":[{"a":{}},{"a":[]}]}', '"List.1.a"'],
    [String.raw`{"a":"\u0000"}`, 'NUL'],
  ])('%s is refused', (text, message) => {
    expect(() => parseJson(schema, text)).toThrow(message);
  });

  test('anything is read or refused', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        try {
          parseJson(schema, text);
        } catch (error) {
          expect(isHullError(error, 'invalid-argument')).toBe(true);
        }
      }),
    );
  });
});

test('a body that says it is something else is refused', () => {
  for (const fine of [
    undefined,
    'application/json',
    'Application/JSON; charset=utf-8',
    ' application/json ',
  ]) {
    expect(() => checkJsonType(fine)).not.toThrow();
  }
  for (const wrong of [
    '',
    'text/plain',
    'application/jsonx',
    'application/x-www-form-urlencoded',
    'text/json',
  ]) {
    expect(() => checkJsonType(wrong)).toThrow('unsupported Content-Type header');
  }
});
