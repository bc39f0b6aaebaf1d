#!/bin/bash
# Installs dockerd and podman from Debian and measures hull beside them. Everything that is started is stopped and removed afterwards;
# the two packages stay, with their services switched off.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

SERVICES=(docker.service docker.socket containerd.service podman.service podman.socket podman-restart.service podman-auto-update.timer)

install_peers() {
  [ -n "$(missing_packages docker.io podman iptables)" ] || return 0
  install_packages docker.io podman iptables || die "dockerd and podman could not be installed"
  if command -v systemctl >/dev/null; then systemctl --quiet disable "${SERVICES[@]}" 2>/dev/null || true; fi
}

bash "$ROOT/scripts/setup.sh"
install_peers
case " $* " in
  *" --peers "*) ;;
  *) bash "$ROOT/scripts/build.sh" ;;
esac
exec "$BUN" "$ROOT/bench/main.ts" "$@"
