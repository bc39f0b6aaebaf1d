#!/bin/bash
# Makes dist/hull: the command and the daemon in one executable.
#
# Start-up counts, for every command pays it: 11.5 ms as bundled; 5.4 ms with the bytecode in it; 4.2 ms with the bundle split as well, so
# that a command does not load what only the daemon needs (a dynamic import is where it is split). A user's .env or bunfig.toml in the
# folder where hull is run must not change it, so reading those is switched off. The source map is in the executable too (1 MB, read only
# when an error is shown), so that an error names the file and line that it comes from. A module that runs in a thread of its own is an entry
# as well (src/host/thread.ts).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

[ -x "$BUN" ] || die "bun is missing: run npm run setup first"
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)
commit=$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
[ -z "$(git status --porcelain -- src api guest 2>/dev/null)" ] || commit="$commit+changes"

quietly "$LOGS/guest.log" sh guest/build.sh || die "the guest program could not be built"
mkdir -p dist
fresh=$(mktemp -d dist/build.XXXXXX)
trap 'rm -rf "$fresh"' EXIT
quietly "$LOGS/build.log" "$BUN" build src/main/hull.ts src/network/dns/worker.ts --compile --outfile "$fresh/hull" \
  --minify --keep-names --bytecode --format=esm --splitting --sourcemap=linked \
  --no-compile-autoload-dotenv --no-compile-autoload-bunfig \
  --define "process.env.HULL_BUILD_VERSION=\"$version\"" \
  --define "process.env.HULL_BUILD_COMMIT=\"$commit\"" || die "hull could not be built"
# By rename: a running engine keeps the file that it was started from.
mv -f "$fresh/hull" dist/hull
# Guest kernels lie beside the program, where an engine of any data folder finds them.
[ ! -d "$CACHE/kernels" ] || ln -sfn ../.cache/kernels dist/kernels
say "built dist/hull $version ($commit)"
