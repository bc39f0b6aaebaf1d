import { afterEach, beforeEach, expect, test } from 'bun:test';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { CrunHierarchies } from './cgroup-hierarchies.ts';
import type { MountEntry } from './host.ts';

/** A folder in place of /sys/fs/cgroup: a mount lays the folder aside, and puts one in its place that has a `cgroup.procs` in every group. */
class FakeKernel {
  readonly folder = mkdtempSync(`${tmpdir()}/hierarchies-`);
  readonly root = `${this.folder}/cgroup`;
  readonly mounted: MountEntry[] = [];
  refuse = false;

  constructor() {
    mkdirSync(this.root);
  }

  mount(source: string, target: string, type: string, options = ''): void {
    if (this.refuse) throw new Error('EBUSY');
    renameSync(target, this.#aside(target));
    mkdirSync(target);
    writeFileSync(`${target}/cgroup.procs`, '');
    this.mounted.push({ source, target, type, options });
  }

  detach(target: string): void {
    const index = this.mounted.findIndex((entry) => entry.target === target);
    if (index < 0) return;
    this.mounted.splice(index, 1);
    rmSync(target, { recursive: true });
    renameSync(this.#aside(target), target);
  }

  list(): MountEntry[] {
    return this.mounted;
  }

  engine(parent: string): CrunHierarchies {
    return new CrunHierarchies(this, parent, {
      root: this.root,
      record: `${this.folder}/record`,
      offered: () => 'cpu\t1\t1\t1\nhugetlb\t0\t1\t1\nperf_event\t0\t1\t1\n',
    });
  }

  /** Groups have files of their own as soon as they are made. */
  fill(parent: string): void {
    for (const { target } of this.mounted) {
      if (existsSync(`${target}/${parent}`)) writeFileSync(`${target}/${parent}/cgroup.procs`, '');
    }
  }

  #aside(target: string): string {
    return `${this.folder}/${target.split('/').at(-1) ?? ''}`;
  }
}

let kernel: FakeKernel;
beforeEach(() => (kernel = new FakeKernel()));
afterEach(() => rmSync(kernel.folder, { recursive: true, force: true }));

function prepared(parent: string): CrunHierarchies {
  const engine = kernel.engine(parent);
  engine.prepare();
  kernel.fill(parent);
  return engine;
}

test('one engine mounts what is missing, and unmounts it when it leaves', () => {
  const engine = kernel.engine('hull-1');
  expect(engine.ready()).toBe(false);
  engine.prepare();
  kernel.fill('hull-1');
  expect(engine.ready()).toBe(true);
  expect(kernel.mounted.map(({ target }) => target)).toEqual([
    `${kernel.root}/hugetlb`,
    `${kernel.root}/perf_event`,
  ]);
  // The kernel's files are no obstacle to rmdir(2) there.
  for (const name of ['hugetlb', 'perf_event']) rmSync(`${kernel.root}/${name}/hull-1/cgroup.procs`);
  engine.leave();
  expect(kernel.mounted).toEqual([]);
  expect(readdirSync(kernel.root)).toEqual([]);
});

// It used to look for the groups of instances alone: an engine that had started none yet lost what it was about to use.
test('an engine that leaves takes nothing from one that has no instance yet', () => {
  const one = prepared('hull-1');
  const other = prepared('hull-2');
  for (const name of ['hugetlb', 'perf_event']) rmSync(`${kernel.root}/${name}/hull-1/cgroup.procs`);
  one.leave();
  expect(other.ready()).toBe(true);
  expect(kernel.mounted).toHaveLength(2);
  for (const name of ['hugetlb', 'perf_event']) rmSync(`${kernel.root}/${name}/hull-2/cgroup.procs`);
  // The last one unmounts, though it was the first that mounted.
  other.leave();
  expect(kernel.mounted).toEqual([]);
  expect(readFileSync(`${kernel.folder}/record`, 'utf8')).toBe('');
});

test('what somebody else has mounted stays', () => {
  for (const name of ['hugetlb', 'perf_event']) {
    mkdirSync(`${kernel.root}/${name}`);
    kernel.mount('cgroup', `${kernel.root}/${name}`, 'cgroup', `rw,${name}`);
  }
  const engine = prepared('hull-1');
  for (const name of ['hugetlb', 'perf_event']) rmSync(`${kernel.root}/${name}/hull-1/cgroup.procs`);
  engine.leave();
  expect(kernel.mounted).toHaveLength(2);
});

test('a mount that fails leaves no folder, nor does one that stood in a hierarchy’s place', () => {
  kernel.refuse = true;
  const engine = kernel.engine('hull-1');
  expect(() => engine.prepare()).toThrow('EBUSY');
  expect(readdirSync(kernel.root)).toEqual([]);
  mkdirSync(`${kernel.root}/hugetlb/hull-1/instance`, { recursive: true });
  kernel.refuse = false;
  engine.prepare();
  engine.leave();
  expect(readdirSync(kernel.root)).toEqual([]);
});

test('a hold that went with its hierarchy is noticed', () => {
  const engine = prepared('hull-1');
  kernel.detach(`${kernel.root}/hugetlb`);
  expect(engine.ready()).toBe(false);
  engine.prepare();
  kernel.fill('hull-1');
  expect(engine.ready()).toBe(true);
});
