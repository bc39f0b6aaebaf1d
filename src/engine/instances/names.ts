import { randomInt } from 'node:crypto';

const QUALITIES =
  'able agile amber azure bold brave brisk bright calm candid clear clever crisp deft eager early fair fleet frank fresh gentle glad grand happy hardy keen kind lively lucid merry mild neat nimble noble patient plucky polite prime proud quick quiet rapid ready robust rugged sharp sleek smart solid sound steady stout sturdy sunny swift tidy trim trusty vivid warm wise witty'.split(
    ' ',
  );
const VESSELS =
  'argosy barge bark barque brig brigantine caravel carrack catamaran clipper cog coracle corsair cutter dhow dinghy dory felucca ferry frigate galleon galley gondola hoy hulk junk kayak ketch kite lateen launch lighter longship lugger packet pinnace pirogue pontoon proa punt raft sampan schooner scow shallop skiff sloop smack snow tartane tender trawler trimaran tug umiak wherry whaler xebec yacht yawl zebec'.split(
    ' ',
  );

/** A name for an instance that was given none, free by `taken`. */
export function inventName(taken: (name: string) => boolean): string {
  for (let attempt = 0; ; attempt++) {
    const name = `${pick(QUALITIES)}_${pick(VESSELS)}${attempt === 0 ? '' : randomInt(10 ** Math.min(attempt, 9))}`;
    if (!taken(name)) return name;
  }
}

function pick(words: readonly string[]): string {
  return words[randomInt(words.length)] ?? 'plain';
}
