import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { compileTemplate, HEADER_FUNCTIONS, TemplateError } from './evaluate.ts';

const DATA = {
  Id: 'abc',
  Name: '/web',
  Number: 3,
  Float: 1.5,
  On: true,
  Off: false,
  Nothing: null,
  Empty: {},
  Labels: { b: '2', 'a.x': '1' },
  Ports: { '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '8080' }], '53/udp': null },
  Cmd: ['sh', '-c', 'echo "x"'],
  Mounts: [{ Destination: '/a' }, { Destination: '/b' }],
  State: { Status: 'running', Health: { Status: 'ok' } },
};

/** What Go's text/template prints for the same values. */
const CASES: readonly (readonly [template: string, output: string])[] = [
  ['plain', 'plain'],
  ['{{.Id}}', 'abc'],
  ['{{ .State.Health.Status }}!', 'ok!'],
  ['{{.Number}} {{.Float}} {{.On}} {{.Nothing}}', '3 1.5 true <no value>'],
  ['{{.Cmd}} {{.Labels}} {{.Empty}}', '[sh -c echo "x"] map[a.x:1 b:2] map[]'],
  [
    '{{json .Cmd}} {{json .Nothing}} {{.Labels | json}}',
    '["sh","-c","echo \\"x\\""] null {"b":"2","a.x":"1"}',
  ],
  ['{{upper .Id}} {{.Id | upper | lower}} {{title .Id}}', 'ABC abc Abc'],
  ['{{join .Cmd ", "}} {{split "a/b" "/"}}', 'sh, -c, echo "x" [a b]'],
  ['{{truncate .Id 2}}|{{pad .Id 1 2}}|', 'ab| abc  |'],
  ['{{len .Cmd}} {{len .Labels}} {{len .Id}}', '3 2 3'],
  ['{{index .Cmd 1}} {{index .Labels "a.x"}} {{index .Labels "none"}}.', '-c 1 .'],
  ['{{(index (index .Ports "80/tcp") 0).HostPort}}', '8080'],
  ['{{(index .Mounts 0).Destination}} {{slice .Id 1 3}}', '/a bc'],
  ['{{if .On}}yes{{else}}no{{end}} {{if .Off}}yes{{else}}no{{end}}', 'yes no'],
  ['{{if .Off}}a{{else if .Nothing}}b{{else if .On}}c{{else}}d{{end}}', 'c'],
  ['{{if eq .State.Status "created" "running"}}up{{end}}', 'up'],
  ['{{if and .On (not .Off)}}both{{end}} {{or .Off .Id}} {{and .Id .Off}}', 'both abc false'],
  [
    '{{if gt .Number 2}}more{{end}} {{lt .Number 2}} {{ne .Id "x"}} {{ge .Float 1.5}} {{le "a" "b"}}',
    'more false true true true',
  ],
  ['{{range .Mounts}}{{.Destination}} {{end}}', '/a /b '],
  ['{{range $i, $m := .Mounts}}{{$i}}={{$m.Destination}}{{if eq $i 0}},{{end}}{{end}}', '0=/a,1=/b'],
  [
    '{{range $p, $b := .Ports}}{{$p}}:{{if $b}}{{(index $b 0).HostPort}}{{else}}-{{end}} {{end}}',
    '53/udp:- 80/tcp:8080 ',
  ],
  ['{{range .Empty}}x{{else}}none{{end}}', 'none'],
  ['{{range .Cmd}}{{if eq . "-c"}}{{continue}}{{end}}{{.}};{{end}}', 'sh;echo "x";'],
  ['{{range .Cmd}}{{.}}{{break}}{{end}}', 'sh'],
  ['{{with .State}}{{.Status}} {{$.Id}}{{end}}{{with .Nothing}}x{{else}} none{{end}}', 'running abc none'],
  ['{{$x := .Id}}{{$x}}{{range .Mounts}}{{$x = .Destination}}{{end}}{{$x}}', 'abc/b'],
  ['a {{- .Id -}} b', 'aabcb'],
  ['{{/* a }} comment */}}x{{- /* y */ -}} z', 'xz'],
  ['{{"a}}b"}} {{`c"d`}} {{"\\t|\\"\\u00e9"}}', 'a}}b c"d \t|"é'],
  [
    '{{print .Id 1 2}} {{println "x"}}{{printf "%s-%05d|%-4s|%.1f|%q|%v%%" .Id 42 "ab" 1.25 "q" .On}}',
    'abc1 2 x\nabc-00042|ab  |1.3|"q"|true%',
  ],
  ['{{html "<a>"}} {{urlquery "a b"}}', '&#60;a&#62; a%20b'],
  ['{{true}} {{not false}} {{nil | json}}', 'true true null'],
];

describe('a template', () => {
  test.each(CASES)('%s', (template, output) => {
    expect(compileTemplate(template)(DATA)).toBe(output);
  });

  test.each([
    ['{{.None}}', 'map has no entry for key "None"'],
    ['{{.Id.x}}', "can't evaluate field x in type string"],
    ['{{.Nothing.x}}', 'nil pointer evaluating .x'],
    ['{{.constructor}}', 'map has no entry for key "constructor"'],
    ['{{nope .Id}}', 'function "nope" not defined'],
    ['{{.Id', 'unclosed action'],
    ['{{if .On}}x', 'unexpected EOF'],
    ['{{end}}', 'unexpected {{end}}'],
    ['{{else}}', 'unexpected {{else}}'],
    ['{{}}', 'missing value'],
    ['{{(.Id}}', 'unclosed left paren'],
    ['{{.Id) }}', ''],
    ['{{"a" "b"}}', "can't give argument to non-function"],
    ['{{.Id | "x"}}', 'non executable command'],
    ['{{index .Cmd 9}}', 'out of range'],
    ['{{index .Cmd -1}}', 'expected int'],
    ['{{join .Id ","}}', 'expected []string'],
    ['{{upper .Cmd}}', 'expected string'],
    ['{{$x}}', 'undefined variable'],
    ['{{break}}', 'outside {{range}}'],
    ['{{range .Number}}{{end}}', "can't iterate"],
    ['{{pad .Id 99999999 0}}', 'expected int'],
    ['{{@}}', 'unexpected "@"'],
  ])('%s is refused', (template, message) => {
    const failure = (() => {
      try {
        return compileTemplate(template)(DATA);
      } catch (error) {
        return error;
      }
    })();
    expect(failure).toBeInstanceOf(TemplateError);
    expect(String(failure)).toContain(message);
  });

  test('a header lets columns’ titles pass through functions', () => {
    expect(
      compileTemplate('{{json .A}} {{upper .B}} {{truncate .C 1}}')(
        { A: 'ID', B: 'NAMES', C: 'IMAGE' },
        HEADER_FUNCTIONS,
      ),
    ).toBe('ID NAMES IMAGE');
  });

  test('a field may take an argument', () => {
    expect(compileTemplate('{{.Label "a"}}')({ Label: (name: string) => `<${name}>` })).toBe('<a>');
  });

  test('property: json of any value is that value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(compileTemplate('{{json .}}')(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test('property: text without actions is left as it is', () => {
    fc.assert(
      fc.property(
        fc.string().filter((text) => !text.includes('{{')),
        (text) => expect(compileTemplate(text)(DATA)).toBe(text),
      ),
    );
  });

  test('property: any source gives text or TemplateError', () => {
    const word = fc.constantFrom(
      '{{',
      '}}',
      '.',
      '.Id',
      '.Cmd',
      'if',
      'else',
      'end',
      'range',
      'with',
      '$x',
      ':=',
      '|',
      '(',
      ')',
      ' ',
      '"a"',
      '`',
      '"',
      '3',
      'json',
      'index',
      '-',
      '/*',
      '*/',
      ',',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(word, { maxLength: 25 }).map((words) => words.join('')),
          fc.string(),
        ),
        (source) => {
          try {
            expect(typeof compileTemplate(source)(DATA)).toBe('string');
          } catch (error) {
            expect(error).toBeInstanceOf(TemplateError);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
