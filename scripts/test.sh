#!/bin/bash
# Installs, builds, and runs every test. The last line is `N passed, N failed`; the exit status is 0 only when nothing failed.
#
#   npm test                      everything
#   npm test -- unit              one part: static, unit, architecture, guest, integration, compat
#   npm test -- integration dns   integration tests whose file name contains "dns"
#   npm test -- compat compose    real clients of Docker's, those in files whose name contains "compose"
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Until bun is there, only the shell can count.
if ! bash "$ROOT/scripts/setup.sh"; then
  echo 'setup failed: no test could run'
  echo '0 passed, 1 failed'
  exit 1
fi
exec "$BUN" "$ROOT/scripts/test/main.ts" "$@"
