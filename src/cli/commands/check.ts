import { type CliDeps, defineCommand } from '../command.ts';
import type { CliIo } from '../io.ts';
import { bool, text } from '../flags/flag.ts';
import { printListing } from '../format/listing.ts';

const TITLES = {
  Kind: 'KIND',
  Note: 'NOTE',
  Owner: 'OWNER',
  Problem: 'PROBLEM',
  Repaired: 'REPAIRED',
  What: 'WHAT',
} as const;

export const command = defineCommand({
  usage: 'check [OPTIONS]',
  summary: 'Compare the engine’s records with the host; exit status 1 when something is left to repair',
  example: 'hull check --repair',
  flags: {
    data: text('With --rebuild: the folder for images, volumes and state (default: /var/lib/hull)', {
      placeholder: 'FOLDER',
      complete: 'files',
    }),
    deep: bool('Verify the digest of everything stored'),
    discard: bool('Delete what recovery has set aside'),
    format: text("'table', 'json', 'table TEMPLATE' or a Go template"),
    rebuild: bool(
      'Make a lost or damaged database again from what lies in the data folder, without a daemon',
    ),
    repair: bool('Repair what can be repaired'),
  },
  args: { max: 0 },
  run: async ({ io, client, deps }, values) => {
    if (values.rebuild) return await rebuild(io, deps, values.data);
    const findings = await client.native.check({
      repair: values.repair,
      deep: values.deep,
      discard: values.discard,
    });
    if (findings.length === 0 && values.format === undefined) {
      io.out('Records and host agree: nothing leaked, missing or corrupt.\n');
      return 0;
    }
    const rows = findings.map((finding) => ({
      Kind: finding.kind,
      Note: finding.note,
      Owner: finding.owner ?? '',
      Problem: finding.problem,
      Repaired: finding.repaired ? 'yes' : 'no',
      What: finding.what,
    }));
    printListing(io, {
      columns: ['Problem', 'Kind', 'What', 'Owner', 'Repaired', 'Note'],
      titles: TITLES,
      rows,
      format: values.format,
    });
    return findings.every(({ repaired, problem }) => repaired || problem === 'set-aside') ? 0 : 1;
  },
});

async function rebuild(io: CliIo, deps: CliDeps, data: string | undefined): Promise<number> {
  const { done, left } = await deps.rebuild(data === undefined ? {} : { data });
  for (const line of done) io.out(`restored: ${line}\n`);
  for (const line of left) io.out(`left: ${line}\n`);
  io.out(`The database was made again, with ${done.length} things; the old one is set aside.\n`);
  return left.length === 0 ? 0 : 1;
}
