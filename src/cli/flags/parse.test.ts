import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { UsageError } from '../usage-error.ts';
import { bool, choice, integer, list, maybe, text } from './flag.ts';
import { parseFlags } from './parse.ts';

const FLAGS = {
  detach: bool('', { short: 'd' }),
  interactive: bool('', { short: 'i' }),
  tty: bool('', { short: 't' }),
  'sig-proxy': maybe(''),
  env: list('', { short: 'e' }),
  name: text(''),
  network: text('', { aliases: ['net'] }),
  publish: list('', { short: 'p' }),
  pids: integer('', { short: 'n' }),
  isolation: choice('', ['container', 'vm']),
} as const;

describe('flags', () => {
  test.each<[string[], object, string[]]>([
    [['-it', 'image'], { interactive: true, tty: true }, ['image']],
    [['-dit'], { detach: true, interactive: true, tty: true }, []],
    [['-e', 'A=1', '-eB=2', '--env', 'C', '--env=D=4'], { env: ['A=1', 'B=2', 'C', 'D=4'] }, []],
    [['-ite', 'A=1'], { interactive: true, tty: true, env: ['A=1'] }, []],
    [['-p80:80', '-p=81:81'], { publish: ['80:80', '81:81'] }, []],
    [['--name', '-x'], { name: '-x' }, []],
    [['--name='], { name: '' }, []],
    [['--detach=false', '-t=0'], { detach: false, tty: false }, []],
    [['--sig-proxy=false'], { 'sig-proxy': false }, []],
    [['--net', 'host'], { network: 'host' }, []],
    [['-n', '-1'], { pids: -1 }, []],
    [['--isolation', 'vm'], { isolation: 'vm' }, []],
    [['-', 'a'], {}, ['-', 'a']],
    [['--name', 'a', '--name', 'b'], { name: 'b' }, []],
  ])('%j', (argv, values, args) => {
    const parsed = parseFlags(FLAGS, argv);
    expect(parsed.values).toMatchObject(values);
    expect(parsed.args).toEqual(args);
  });

  test('what follows the image is the workload’s', () => {
    const { values, args } = parseFlags(FLAGS, ['-d', 'image', 'ls', '-t', '--name', 'x'], {
      passThrough: true,
    });
    expect(args).toEqual(['image', 'ls', '-t', '--name', 'x']);
    expect(values).toMatchObject({ detach: true, tty: false, name: undefined });
  });

  test('without pass-through, flags may follow arguments', () => {
    expect(parseFlags(FLAGS, ['a', '-d', 'b'])).toMatchObject({ args: ['a', 'b'], values: { detach: true } });
  });

  test('-- ends the flags', () => {
    expect(parseFlags(FLAGS, ['-d', '--', '-t', '--']).args).toEqual(['-t', '--']);
  });

  test.each([
    [['--frob'], 'unknown flag: --frob'],
    [['--detatch'], 'unknown flag: --detatch; did you mean --detach?'],
    [['--constructor'], 'unknown flag: --constructor'],
    [['-dz'], "unknown shorthand flag: 'z' in -dz"],
    [['--name'], 'flag needs an argument: --name'],
    [['-e'], 'flag needs an argument: -e'],
    [['--pids', 'x'], 'invalid argument "x" for -n, --pids: it must be a whole number'],
    [['--detach=perhaps'], 'invalid argument "perhaps" for -d, --detach: it must be true or false'],
    [['--isolation', 'jail'], 'invalid argument "jail" for --isolation: it must be one of container, vm'],
  ])('%j is refused', (argv, message) => {
    expect(() => parseFlags(FLAGS, argv)).toThrow(message);
  });

  test('property: any words are parsed or refused as usage', () => {
    const word = fc.oneof(
      fc.string(),
      fc.constantFrom('-d', '-it', '-e', '--name', '--', '-', '--env=x', '--detach=false', '-n3'),
    );
    fc.assert(
      fc.property(fc.array(word), fc.boolean(), (argv, passThrough) => {
        try {
          const { args } = parseFlags(FLAGS, argv, { passThrough });
          expect(args.every((argument) => argv.includes(argument))).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
        }
      }),
    );
  });

  test('property: a list keeps every value in order, in each way of writing it', () => {
    const value = fc.string({ minLength: 1 }).filter((one) => !one.startsWith('='));
    fc.assert(
      fc.property(fc.array(fc.tuple(value, fc.integer({ min: 0, max: 3 }))), (given) => {
        const argv = given.flatMap(
          ([one, way]) => [['-e', one], [`-e${one}`], ['--env', one], [`--env=${one}`]][way] ?? [],
        );
        expect(parseFlags(FLAGS, argv).values.env).toEqual(given.map(([one]) => one));
      }),
    );
  });
});
