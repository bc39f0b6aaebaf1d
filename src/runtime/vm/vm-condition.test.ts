import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { afterEvent, afterStatus, endOf, type EndFacts, retryDelay, SOUND } from './vm-condition.ts';

const full = {
  device: '',
  operation: 'write',
  action: 'stop',
  nospace: true,
  reason: 'No space left on device',
};

describe('what QEMU’s events come to', () => {
  test('a full host stops a VM, which says so until it goes on', () => {
    const stalled = afterEvent(SOUND, 'BLOCK_IO_ERROR', full);
    expect(stalled).toMatchObject({ stalled: true, trouble: expect.stringContaining('host’s disk is full') });
    expect(afterEvent(stalled, 'STOP', {})).toBe(stalled);
    // Requests that were under way fail, too.
    expect(afterEvent(stalled, 'BLOCK_IO_ERROR', { ...full, nospace: false })).toBe(stalled);
    expect(afterEvent(stalled, 'RESUME', {})).toEqual(SOUND);
    expect(afterStatus(SOUND, { status: 'io-error' }).stalled).toBe(true);
    expect(afterStatus(stalled, { status: 'running' })).toEqual(SOUND);
  });

  test('an error that the guest is told of is told to the user, too, and stays', () => {
    const failed = afterEvent(SOUND, 'BLOCK_IO_ERROR', {
      ...full,
      nospace: false,
      action: 'report',
      reason: 'EIO',
    });
    expect(failed).toMatchObject({ stalled: false, trouble: 'the host cannot write the VM’s disk: EIO' });
    expect(afterEvent(failed, 'RESUME', {})).toBe(failed);
    expect(afterEvent(SOUND, 'BLOCK_IO_ERROR', { ...full, action: 'ignore' })).toBe(SOUND);
  });

  test('nothing that is no event of this kind changes anything, whatever is in it', () => {
    const known = ['BLOCK_IO_ERROR', 'RESUME', 'GUEST_PANICKED', 'SHUTDOWN'];
    fc.assert(
      fc.property(fc.string(), fc.anything(), (name, data) => {
        if (!known.includes(name)) expect(afterEvent(SOUND, name, data)).toBe(SOUND);
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...known), fc.anything())), (events) => {
        const after = events.reduce((condition, [name, data]) => afterEvent(condition, name, data), SOUND);
        expect(after.trouble ?? '').not.toMatch(/\p{Cc}/u);
        expect((after.trouble ?? '').length + (after.ended ?? '').length).toBeLessThan(600);
        if (after.stalled) expect(after.trouble).not.toBeNull();
      }),
    );
  });

  test('the tries to go on come later and later, and never stop', () => {
    const delays = Array.from({ length: 40 }, (_, tries) => retryDelay(tries));
    expect(delays.slice(0, 4)).toEqual([500, 1000, 2000, 4000]);
    expect(delays.every((delay) => delay <= 15_000)).toBe(true);
  });
});

describe('how an ended VM ended', () => {
  const machine: EndFacts = {
    ...{ layout: 'machine', condition: SOUND, record: null, killed: false, lastWords: 'login:', now: 7 },
  };
  const shutdown = (reason: string) => afterEvent(SOUND, 'SHUTDOWN', { guest: true, reason });
  const panic = 'x [ 1.0] Kernel panic - not syncing: sysrq triggered crash [ 1.1] CPU: 0';

  test('a machine that powers off or reboots has ended well; one that panics, crashes or is killed has not', () => {
    const code = (facts: Partial<EndFacts>): number => endOf({ ...machine, ...facts }).code;
    expect(code({ condition: shutdown('guest-shutdown') })).toBe(0);
    expect(code({ condition: shutdown('guest-reset') })).toBe(0);
    expect(code({ condition: shutdown('guest-reset'), lastWords: panic })).toBe(255);
    expect(code({ condition: { ...shutdown('guest-panic'), panicked: true } })).toBe(255);
    expect(code({ condition: shutdown('host-signal') })).toBe(137);
    expect(code({})).toBe(137);
    expect(code({ killed: true, lastWords: panic })).toBe(137);
  });

  test('what is no matter of the workload’s has a text', () => {
    expect(endOf({ ...machine, lastWords: panic }).error).toBe(
      'the guest’s kernel panicked: Kernel panic - not syncing: sysrq triggered crash',
    );
    expect(endOf(machine).error).toContain('killed or crashed. login:');
    expect(endOf({ ...machine, killed: true })).toEqual({ code: 137, oomKilled: false, finishedAt: 7 });
  });

  test('a record of the guest’s counts, whatever else was said', () => {
    const record = { code: 3, oomKilled: true, finishedAt: 1 };
    expect(endOf({ ...machine, layout: 'layered', record, killed: true, lastWords: panic })).toBe(record);
  });
});
