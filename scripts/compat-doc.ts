/**
 * Writes docs/docker-compatibility.md from the compat suite's tables: `bun scripts/compat-doc.ts`.
 * A test fails when the page and the tables differ.
 */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ROUTES, type RouteState } from '../test/compat/data/routes.ts';
import { KNOWN_DIFFERENCES } from '../test/compat/differential/differences.ts';

export const COMPAT_PAGE = resolve(import.meta.dirname, '../docs/docker-compatibility.md');

const INTRODUCTION = `# Docker compatibility

What speaks to Docker's Engine API speaks to this engine unchanged: \`export DOCKER_HOST=unix:///run/hull/hull.sock\`. API versions 1.24 to 1.51
are understood. This page is written by \`scripts/compat-doc.ts\` from \`test/compat/data/routes.ts\` and \`test/compat/differential/differences.ts\`,
and the tests fail where it does not tell the truth.

## Clients

Each of these drives a real engine in \`test/compat/\`, unchanged:

| client | what is driven |
|---|---|
| docker command line | run with every kind of option, terminals and detach keys; the life of a container, exec, logs, cp, diff, commit, export, import; build, images, save, load; networks, volumes, events, system |
| docker-compose 1.29 | a web server, a database and a cache from Debian's packages: build, up with health conditions, profiles, scale, run, exec, logs, recreate, down |
| Compose 2, the plugin | config, build by the classic builder, up --wait, profiles, scale, run, exec, cp, logs, events, recreate, down |
| docker-py 5 | its whole surface, sockets with half-close and filters as lists included |
| dockerode | attach and exec with and without hijack, streams, progress, archives |
| testcontainers for Node | its wait strategies, files, networks, images, reuse |

Answers are compared with those of Debian's dockerd (20.10, API 1.41), field by field; they are held against the shapes of the definition of
API 1.51; and generated requests are thrown at each of its routes.

## Isolations

\`HostConfig.Isolation\`, the label \`hull.isolation\` and the annotation of the same name choose \`container\`, \`sandbox\` or \`vm\`: \`docker run
--isolation vm\` works with the stock client. What an isolation cannot do is refused with the reason.
`;

const STATES: Readonly<Record<RouteState, string>> = {
  full: 'full',
  partial: '**partial**',
  refused: '**refused**',
};

/** The page. */
export function compatPage(): string {
  const counts = (Object.keys(STATES) as RouteState[])
    .map((state) => `${ROUTES.filter((row) => row.state === state).length} ${state}`)
    .join(', ');
  const rows = ROUTES.map(
    ({ method, path, state, note }) => `| \`${method} ${path}\` | ${STATES[state]} | ${note} |`,
  );
  return [
    INTRODUCTION,
    `## Routes\n\nEvery route of the definition: ${counts}.\n\n| route | state | what is missing, or why |\n|---|---|---|\n${rows.join('\n')}\n`,
    `## Differences from Docker's daemon\n\nWhat the comparison with Debian's dockerd 20.10 finds and leaves. \`*\` stands for anything. An empty list, an empty object and null count\nas the same, and so does the order of what Docker's daemon keeps in maps.\n\n| request | place in the answer | here | there | why |\n|---|---|---|---|---|\n${differences()}\n`,
  ].join('\n');
}

function differences(): string {
  return KNOWN_DIFFERENCES.map(({ request, place, ours, theirs, reason }) =>
    [request, place, ours, theirs].map((text) => (text === undefined ? '' : code(text))).concat(reason),
  )
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

const code = (text: string) => `\`${text.replaceAll('|', '\\|')}\``;

if (import.meta.main) writeFileSync(COMPAT_PAGE, compatPage());
