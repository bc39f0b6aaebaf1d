import { expect, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { planBuild } from './graph/plan.ts';
import { parseBlueprint } from './parser/parse.ts';
import { imageNamed } from './testing/image.ts';

const examples = join(import.meta.dir, '../../examples');

const blueprints = readdirSync(examples).filter((name) => existsSync(join(examples, name, 'Dockerfile')));

test.each(blueprints)('examples/%s can be planned, and copies only what is there', (name) => {
  const folder = join(examples, name);
  const tree = parseBlueprint(readFileSync(join(folder, 'Dockerfile'), 'utf8'), 'Dockerfile');
  const platform = { os: 'linux', architecture: 'amd64' };
  const plan = planBuild(tree, { args: {}, labels: {}, platform }, (reference) => imageNamed(reference));
  expect(plan.warnings).toEqual([]);
  for (const { node } of plan.stages.flatMap((stage) => stage.steps)) {
    if (node?.kind !== 'copy' || node.from.kind !== 'context') continue;
    for (const pattern of node.patterns) expect(existsSync(join(folder, pattern.path))).toBe(true);
  }
});
