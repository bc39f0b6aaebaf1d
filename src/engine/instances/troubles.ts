import { isAlive } from '../../model/instance-status.ts';
import type { Ender } from './ender.ts';
import type { LifecycleParts } from './lifecycle.ts';

/** Tells what the runtimes say is wrong with runs, and when it is over: in the record, as an event, and in the daemon's log. */
export function watchTroubles(
  { runs, registry, log }: Pick<LifecycleParts, 'runs' | 'registry' | 'log'>,
  ender: Pick<Ender, 'event'>,
): void {
  runs.onFact((id, { text }) => {
    const record = registry.byId(id);
    if (record === null || !isAlive(record.status) || record.status.error === (text ?? '')) return;
    const after = registry.apply(id, { type: 'troubled', error: text ?? '' });
    log(`${record.config.name}: ${text ?? 'recovered'}`);
    ender.event(after, text === null ? 'recovered' : 'trouble', text === null ? {} : { trouble: text });
  });
}
