import { defineCommand } from '../command.ts';
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
    deep: bool('Verify the digest of everything stored'),
    discard: bool('Delete what recovery has set aside'),
    format: text("'table', 'json', 'table TEMPLATE' or a Go template"),
    repair: bool('Repair what can be repaired'),
  },
  args: { max: 0 },
  run: async ({ io, client }, values) => {
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
