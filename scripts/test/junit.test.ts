import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { parseJunit } from './junit.ts';

const escape = (text: string) =>
  text
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;')
    .replace(/\n/g, '&#10;');

const body = {
  passed: '',
  failed: '<failure type="AssertionError" message="x">expected &lt;/testcase&gt;</failure>',
  skipped: '<skipped message="TODO" />',
} as const;

describe('parseJunit', () => {
  test('reads what the runner writes', () => {
    const xml = `<?xml version="1.0"?>
<testsuites name="bun test" tests="3" failures="1" skipped="1">
  <testsuite name="src/a.test.ts">
    <testsuite name="outer &lt;x&gt;">
      <testcase name="ok" classname="outer &lt;x&gt;" time="0" file="src/a.test.ts" line="2" assertions="0" />
      <testcase name="bad" classname="outer &lt;x&gt;" time="0" file="src/a.test.ts" line="2">
        <failure type="AssertionError" message="expect(received).toBe(expected)&#10;">…</failure>
      </testcase>
    </testsuite>
    <testcase name="needs KVM: /dev/kvm is absent" classname="" file="src/a.test.ts">
      <skipped />
    </testcase>
  </testsuite>
</testsuites>`;
    expect(parseJunit(xml)).toEqual({
      passed: 1,
      failed: ['src/a.test.ts > outer <x> > bad'],
      skipped: ['src/a.test.ts > needs KVM: /dev/kvm is absent'],
    });
  });

  test('counts every case, whatever its name', () => {
    const cases = fc.array(
      fc.record({
        name: fc.string({ minLength: 1 }),
        result: fc.constantFrom('passed', 'failed', 'skipped'),
      }),
    );
    fc.assert(
      fc.property(cases, (list) => {
        const xml = list
          .map(
            ({ name, result }) =>
              `<testcase name="${escape(name)}" classname="" file="a.test.ts">${body[result]}</testcase>`,
          )
          .join('\n');
        const report = parseJunit(xml);
        expect(report.passed).toBe(list.filter(({ result }) => result === 'passed').length);
        expect(report.failed).toEqual(
          list.filter(({ result }) => result === 'failed').map(({ name }) => `a.test.ts > ${name}`),
        );
        expect(report.skipped).toEqual(
          list.filter(({ result }) => result === 'skipped').map(({ name }) => `a.test.ts > ${name}`),
        );
      }),
    );
  });

  test('never throws', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseJunit(`<testcase name="${text}"/>${text}`)));
    expect(parseJunit('<testcase name="&#x110000;&#99999999;&nope;"/>').passed).toBe(1);
  });
});
