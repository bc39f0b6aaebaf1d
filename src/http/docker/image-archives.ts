import type { EngineApi } from '../../engine/api.ts';
import { HullError } from '../../model/errors.ts';
import type { Exchange } from '../exchange.ts';
import { familiarName } from '../familiar-name.ts';
import type { Route } from '../router.ts';
import { checkJsonPlatform } from './platform.ts';
import { TransferStream } from './transfer-stream.ts';

export const imageArchiveRoutes: readonly Route[] = [
  { method: 'GET', path: '/images/get', handler: saveSeveral },
  { method: 'GET', path: '/images/*name/get', handler: saveOne },
  { method: 'POST', path: '/images/load', handler: load },
];

async function saveSeveral(engine: EngineApi, exchange: Exchange): Promise<void> {
  const names = exchange.query.all('names').filter((name) => name !== '');
  if (names.length === 0) throw new HullError('invalid-argument', 'query parameter "names" is missing');
  await save(engine, exchange, names);
}

async function saveOne(engine: EngineApi, exchange: Exchange): Promise<void> {
  await save(engine, exchange, [exchange.param('name')]);
}

async function save(engine: EngineApi, exchange: Exchange, names: readonly string[]): Promise<void> {
  checkJsonPlatform(exchange.query.all('platform'));
  const archive = await engine.archives.save(names);
  const sink = exchange.open('application/x-tar');
  for await (const chunk of archive) {
    if (exchange.signal.aborted) return;
    await sink.write(chunk);
  }
  sink.end();
}

async function load(engine: EngineApi, exchange: Exchange): Promise<void> {
  const quiet = exchange.query.flag('quiet');
  checkJsonPlatform(exchange.query.all('platform'));
  const stream = new TransferStream(exchange);
  await stream.around(() =>
    engine.archives.load(
      exchange.body(),
      (progress) => {
        if (!quiet) stream.progress(progress);
      },
      ({ image, names, replaced }) => {
        for (const [name, old] of replaced)
          stream.write({
            stream: `The image ${familiarName(name)} already exists, renaming the old one with ID ${old} to empty string\n`,
          });
        for (const name of names) stream.write({ stream: `Loaded image: ${familiarName(name)}\n` });
        if (names.length === 0) stream.write({ stream: `Loaded image ID: ${image.id}\n` });
      },
      exchange.signal,
    ),
  );
}
