# shellcheck shell=bash disable=SC2034 # some names are used only by the scripts that source this
# Shared by the scripts in this folder; sourced, not run.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
CACHE="$ROOT/.cache"
LOGS="$CACHE/logs"
BUN="$ROOT/node_modules/.bin/bun"
STARTED=$SECONDS

# say TEXT…: a progress line with the seconds since the script started.
say() { printf '[%3ds] %s\n' $((SECONDS - STARTED)) "$*"; }

# die TEXT…: an error, and the end.
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# quietly LOG COMMAND…: runs with all output in LOG; shows its end when the command fails.
quietly() {
  local log=$1 status=0
  shift
  mkdir -p "$(dirname "$log")"
  "$@" >"$log" 2>&1 </dev/null || status=$?
  if [ "$status" -ne 0 ]; then
    printf '%s\n' "--- the end of $log:" >&2
    tail -n 40 "$log" >&2
    printf 'error: "%s" failed with status %d\n' "$*" "$status" >&2
  fi
  return "$status"
}

need_root() {
  [ "$(id -u)" -eq 0 ] || die "this needs root: it installs packages, mounts filesystems and makes network interfaces"
}

# missing_packages NAME…: those that dpkg does not know as installed.
missing_packages() {
  local installed
  # Its status is 1 when one of them is unknown, which is no failure here.
  installed=$( (dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true) | sed -n 's/^installed //p')
  comm -23 <(printf '%s\n' "$@" | sort -u) <(printf '%s\n' "$installed" | sort -u)
}

# refresh_package_lists: `apt-get update`, at most once per run.
refresh_package_lists() {
  [ -z "${PACKAGE_LISTS_FRESH:-}" ] || return 0
  say "reading the package mirror's lists"
  quietly "$LOGS/apt-update.log" apt-get -q -o DPkg::Lock::Timeout=300 update || return 1
  PACKAGE_LISTS_FRESH=yes
}

# without_services COMMAND…: runs it while Debian packages that are installed must not start their services.
without_services() (
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  "$@"
)

# install_packages NAME…: installs what is missing, without starting any service that comes along.
install_packages() {
  local missing
  mapfile -t missing < <(missing_packages "$@")
  [ "${#missing[@]}" -gt 0 ] || return 0
  refresh_package_lists || return 1
  say "installing ${#missing[@]} Debian packages: ${missing[*]}"
  DEBIAN_FRONTEND=noninteractive without_services quietly "$LOGS/apt-install.log" \
    apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold \
    install --no-install-recommends "${missing[@]}"
}

# fetch_package NAME FOLDER: downloads a package without installing it and prints the file's path.
fetch_package() {
  local fetch=(apt-get -q -o APT::Sandbox::User=root download "$1")
  mkdir -p "$2"
  (cd "$2" && quietly "$LOGS/fetch-$1.log" "${fetch[@]}") ||
    { refresh_package_lists >&2 && (cd "$2" && quietly "$LOGS/fetch-$1.log" "${fetch[@]}"); } || return 1
  ls "$2/$1"_*.deb
}
