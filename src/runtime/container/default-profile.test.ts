import { expect, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ALL_CAPABILITIES, DEFAULT_CAPABILITIES } from '../capabilities.ts';
import { defaultProfile } from './default-profile.ts';
import { parseSeccompProfile, resolveSeccomp, type SeccompTarget } from './seccomp.ts';

const ORIGINAL = join(import.meta.dir, '../../../../shared/spec/docker-seccomp-default.json');
const CAPABILITY_SETS: readonly (readonly string[])[] = [
  [],
  DEFAULT_CAPABILITIES,
  ALL_CAPABILITIES,
  ...ALL_CAPABILITIES.map((name) => [name]),
  ...ALL_CAPABILITIES.map((name) => [...DEFAULT_CAPABILITIES, name]),
];
const KERNELS = ['3.10.0-1160.el7', '4.4.0-210-generic', '4.7.10', '4.8.0', '5.10.0', '6.1.0-1-amd64'];
const ARCHES = ['x64', 'arm64'];

/** What a filter says, rule by rule of each system call, whatever the order of the calls is. */
function judgements(text: ReturnType<typeof defaultProfile>, target: SeccompTarget): Map<string, string[]> {
  const calls = new Map<string, string[]>();
  for (const { names, action, errnoRet, args = [] } of resolveSeccomp(text, target).syscalls) {
    const plain = args.map(({ index, value, valueTwo = 0, op }) => [index, op, value, valueTwo]);
    for (const name of names)
      calls.set(name, [...(calls.get(name) ?? []), JSON.stringify([action, errnoRet, plain])].toSorted());
  }
  return calls;
}

// The original is no part of the project: without it there is nothing to compare with.
test.skipIf(!existsSync(ORIGINAL))(
  "the default profile is Docker's, by every capability, kernel and architecture",
  () => {
    const original = parseSeccompProfile(readFileSync(ORIGINAL, 'utf8'));
    const own = defaultProfile();
    for (const capabilities of CAPABILITY_SETS)
      for (const kernel of KERNELS)
        for (const architecture of ARCHES) {
          const target = { capabilities, kernel, architecture };
          expect(Object.fromEntries(judgements(own, target))).toEqual(
            Object.fromEntries(judgements(original, target)),
          );
          const { syscalls: _own, ...head } = resolveSeccomp(own, target);
          const { syscalls: _original, ...expected } = resolveSeccomp(original, target);
          expect(head).toEqual(expected);
        }
  },
);

test.skipIf(!existsSync(ORIGINAL))('its conditions are those of the original for other machines, too', () => {
  const original = parseSeccompProfile(readFileSync(ORIGINAL, 'utf8'));
  const rules = (profile: typeof original): string[] =>
    profile.syscalls
      .flatMap(({ names, action, errnoRet, args, includes, excludes }) =>
        names.map((name) => JSON.stringify({ name, action, errnoRet, args, includes, excludes })),
      )
      .toSorted();
  const own = defaultProfile();
  expect(rules(own)).toEqual(rules(original));
  const machines = (profile: typeof original): unknown =>
    profile.archMap?.map(({ architecture, subArchitectures }) => [architecture, ...(subArchitectures ?? [])]);
  expect(machines(own)).toEqual(machines(original));
});

test('what leads to the host is refused to a default container', () => {
  const filter = resolveSeccomp(defaultProfile(), {
    capabilities: DEFAULT_CAPABILITIES,
    architecture: 'x64',
    kernel: '6.1.0',
  });
  const allowed = new Set(
    filter.syscalls.filter(({ args }) => args === undefined).flatMap(({ names }) => names),
  );
  for (const call of [
    'unshare',
    'setns',
    'mount',
    'mount_setattr',
    'keyctl',
    'add_key',
    'bpf',
    'io_uring_setup',
  ])
    expect([call, allowed.has(call)]).toEqual([call, false]);
});
