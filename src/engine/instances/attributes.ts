import type { Instance } from '../../model/instance.ts';

/** What an event says of an instance: Docker's attributes. */
export function instanceAttributes({ config }: Instance): Record<string, string> {
  const image = config.source.kind === 'image' ? config.source.reference : config.source.disk;
  return { ...config.labels, image, name: config.name, isolation: config.isolation };
}

/** A command as the events of execs name it: Docker puts a space after the program, whatever follows. */
export function execText([program = '', ...args]: readonly string[]): string {
  return `${program} ${args.join(' ')}`;
}
