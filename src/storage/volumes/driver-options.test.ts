import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { HullError } from '../../model/errors.ts';
import { checkDriverOptions, isMounting, mountPlan, withoutPassword } from './driver-options.ts';

const lookup = (name: string): Promise<string> =>
  name === 'server' ? Promise.resolve('10.1.2.3') : Promise.reject(new Error('no such host'));

describe('checkDriverOptions', () => {
  test.each([
    [{}, null],
    [{ type: 'tmpfs', device: 'tmpfs' }, null],
    [{ type: 'tmpfs', device: 'tmpfs', o: 'size=1m' }, null],
    [{ type: 'tmpfs', foo: 'x' }, 'create v: invalid option: "foo"'],
    [{ type: 'tmpfs' }, 'create v: missing required option: "device"'],
    [{ device: '/x' }, 'create v: missing required option: "type"'],
    [{ o: 'bind' }, 'create v: missing required option: "device"'],
    [{ size: '10m' }, 'create v: quota size requested but no quota support'],
    [{ size: '0' }, null],
    [{ size: 'many' }, "create v: invalid size: 'many'"],
    [{ constructor: 'x' }, 'create v: invalid option: "constructor"'],
  ] as const)('%j: %j', (options, message) => {
    const check = (): void => checkDriverOptions('v', options);
    if (message === null) expect(check).not.toThrow();
    else expect(check).toThrow(expect.objectContaining({ code: 'invalid-argument', message }));
  });

  test('any options are taken or refused in words; taken ones give a plan, unless nothing is mounted', async () => {
    const name = fc.oneof(fc.constantFrom('type', 'o', 'device', 'size'), fc.string());
    await fc.assert(
      fc.asyncProperty(fc.dictionary(name, fc.string()), async (options) => {
        try {
          checkDriverOptions('v', options);
        } catch (error) {
          expect(error).toBeInstanceOf(HullError);
          return;
        }
        if (!isMounting(options)) return;
        try {
          expect((await mountPlan(options, lookup)).source).toBe(options['device'] ?? '');
        } catch (error) {
          expect(error).toBeInstanceOf(HullError);
        }
      }),
    );
  });
});

describe('mountPlan', () => {
  test.each([
    [
      { type: 'tmpfs', device: 'tmpfs', o: 'size=10m,noexec' },
      { source: 'tmpfs', type: 'tmpfs', flags: 8, data: 'size=10m' },
    ],
    [
      { type: 'none', device: '/srv/data', o: 'bind' },
      { source: '/srv/data', type: 'none', flags: 4096, data: '' },
    ],
    [
      { type: 'nfs', device: ':/export', o: 'addr=server,rw,nfsvers=4' },
      { source: ':/export', type: 'nfs', flags: 0, data: 'addr=10.1.2.3,nfsvers=4' },
    ],
    [
      { type: 'nfs', device: ':/export', o: 'addr=192.0.2.7' },
      { source: ':/export', type: 'nfs', flags: 0, data: 'addr=192.0.2.7' },
    ],
    [
      { type: 'nfs', device: ':/export', o: 'addr=fd00::1,ro' },
      { source: ':/export', type: 'nfs', flags: 1, data: 'addr=fd00::1' },
    ],
    [
      { type: 'cifs', device: '//server/share', o: 'username=u,password=p' },
      { source: '//server/share', type: 'cifs', flags: 0, data: 'username=u,password=p,addr=10.1.2.3' },
    ],
  ])('%j', async (options, plan) => expect(await mountPlan(options, lookup)).toEqual(plan));

  test('a server that has no address is named', async () => {
    const options = { type: 'nfs', device: ':/x', o: 'addr=nowhere' };
    await expect(mountPlan(options, lookup)).rejects.toMatchObject({
      code: 'volume-mount-failed',
      message: expect.stringContaining('nowhere') as string,
    });
  });
});

test('a password is never told', () => {
  const options = { o: 'username=u,password=s3cret,vers=3' };
  expect(withoutPassword('data: username=u,password=s3cret,vers=3: no', options)).toBe(
    'data: username=u,password=********,vers=3: no',
  );
});
