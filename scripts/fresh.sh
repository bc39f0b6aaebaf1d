#!/bin/bash
# Tries the project on a machine that has never seen it: a fresh Debian with systemd and cgroup v2 alone, made and run by hull itself. The checkout
# as it is committed is copied in; the README's commands and the suites run inside. It finds what this host hides. A long run: hours where VMs are
# emulated, for everything inside is slower by ten.
#
#   npm run fresh                          Debian 12, every suite of scripts/fresh/inside.sh
#   npm run fresh -- --suite trixie        Debian 13
#   npm run fresh -- --prepared            what `setup` would download is in the machine already
#   npm run fresh -- container networks    these suites alone: integration tests whose file name contains the word
#   npm run fresh -- --clean               removes the machines' disks, which are kept for the next time
#
# The last line is `N passed, N failed`, added up over the suites; the whole output is in .cache/logs/fresh-SUITE.log.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

DATA=$CACHE/fresh/data
HULL=$ROOT/dist/hull
SUITE=bookworm
PREPARED=
SUITES=()
WORK=
ENGINE=

parse() {
  while [ $# -gt 0 ]; do
    case $1 in
      --suite) SUITE=${2:?--suite takes a release of Debian} && shift ;;
      --prepared) PREPARED=yes ;;
      --clean) rm -rf --one-file-system "$CACHE/fresh" && exit 0 ;;
      -*) die "unknown option $1" ;;
      *) SUITES+=("$1") ;;
    esac
    shift
  done
}

# In mounts of its own, where apt also knows the release that the machine is made of: the host's own sources stay as they are.
start_engine() {
  say "starting an engine of its own"
  mkdir -p "$DATA" "$WORK/run" "$WORK/sources"
  cp -a /etc/apt/sources.list.d/. "$WORK/sources/"
  if ! grep -rqw "$SUITE" "$WORK/sources"; then
    local site
    site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -m1 '/debian/\?$' || true)
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${site:-http://deb.debian.org/debian} $SUITE main" \
      >"$WORK/sources/fresh.list"
  fi
  unshare --mount --propagation private bash -c 'mount --bind "$1" /etc/apt/sources.list.d && shift && exec "$@"' - "$WORK/sources" \
    "$HULL" daemon --data "$DATA" --run "$WORK/run" --socket "$WORK/hull.sock" >"$LOGS/fresh-engine.log" 2>&1 </dev/null &
  ENGINE=$!
  for _ in $(seq 100); do
    if "$HULL" version >/dev/null 2>&1; then return; fi
    kill -0 "$ENGINE" 2>/dev/null || break
    sleep 0.2
  done
  tail -n 20 "$LOGS/fresh-engine.log" >&2
  die "the engine did not start"
}

stop_engine() {
  [ -z "$ENGINE" ] || { "$HULL" shutdown --stop >/dev/null 2>&1 || true; wait "$ENGINE" 2>/dev/null || true; }
  [ -z "$WORK" ] || rm -rf --one-file-system "$WORK"
}

# What the machine begins with: systemd starts one unit, which fetches what is served beside the machine.
make_machine() {
  local name=$1 packages=(ca-certificates wget) options=() package
  if "$HULL" machine inspect "$name" >/dev/null 2>&1; then return; fi
  say "making the machine $name"
  [ "$SUITE" = bookworm ] || packages+=(nodejs npm)
  if [ -n "$PREPARED" ]; then
    mapfile -O "${#packages[@]}" -t packages < <(sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' "$ROOT/scripts/packages.txt")
  fi
  for package in "${packages[@]}"; do options+=(--package "$package"); done
  "$HULL" machine create "$name" --quiet --suite "$SUITE" --size 20g "${options[@]}" \
    --file "/etc/systemd/system/fresh.service=$ROOT/scripts/fresh/fresh.service" \
    --file "/etc/systemd/system/multi-user.target.d/fresh.conf=$ROOT/scripts/fresh/wanted.conf" >/dev/null
}

# pack FOLDER: the commit, what it is tried with, and what lets this host reach its mirrors. Debian 12 has a Node that is too old: this host's goes along.
pack() {
  local folder=$1
  mkdir -p "$folder/main" "$folder/settings"
  git -C "$ROOT" archive HEAD | tar -x -C "$folder/main"
  if [ -n "$PREPARED" ]; then
    mkdir -p "$folder/main/.cache"
    cp -a "$ROOT/node_modules" "$folder/main/node_modules"
    cp -a "$CACHE/kernels" "$CACHE/tools" "$folder/main/.cache/"
    cp -n "$(command -v docker)" "$folder/main/.cache/tools/docker"
    touch "$folder/main/node_modules/.package-lock.json"
  fi
  [ ! -d "$ROOT/../shared" ] || cp -a "$ROOT/../shared" "$folder/shared"
  cp -a /usr/local/share/ca-certificates "$folder/settings/" 2>/dev/null || true
  for file in ~/.npmrc /etc/npmrc /usr/etc/npmrc; do [ ! -e "$file" ] || cat "$file" >>"$folder/settings/npmrc"; done
  printf '%s\n' "${SUITES[@]}" >"$folder/settings/suites"
  if [ "$SUITE" = bookworm ]; then
    mkdir -p "$folder/node/bin" "$folder/node/lib"
    cp -L "$(command -v node)" "$folder/node/bin/node"
    cp -aL "$(dirname "$(readlink -f "$(command -v npm)")")/.." "$folder/node/lib/npm"
  fi
  tar -C "$folder" -cf "$folder.tar" .
  rm -rf "$folder"
}

run_machine() {
  local name=$1 log=$LOGS/fresh-$SUITE.log
  mkdir -p "$WORK/www"
  pack "$WORK/www/fresh"
  "$HULL" image inspect busybox >/dev/null 2>&1 || "$HULL" bootstrap busybox >/dev/null
  "$HULL" network create fresh >/dev/null 2>&1 || true
  "$HULL" run -d --rm --name fresh-files --network fresh -v "$WORK/www:/www:ro" busybox httpd -f -h /www >/dev/null
  say "booting $name; its console is $log"
  "$HULL" run -d -i --name "$name" --network fresh --machine "$name" --cpus 2 --memory 8g >/dev/null
  "$HULL" logs -f "$name" | sed -u 's|\r||g' | tee "$log" | sed -un 's/^fresh: //p; s/^  | /  | /p'
  "$HULL" rm -f "$name" fresh-files >/dev/null 2>&1 || true
  grep -E '^fresh: [0-9]+ passed, [0-9]+ failed$' "$log" | tail -n 1 | sed 's/^fresh: //' | grep . || die "the machine ended without a result"
}

parse "$@"
need_root
bash "$ROOT/scripts/setup.sh"
bash "$ROOT/scripts/build.sh"
mkdir -p "$LOGS" "$CACHE/fresh"
WORK=$(mktemp -d /tmp/hull-fresh.XXXXXX)
export HULL_HOST=unix://$WORK/hull.sock
trap stop_engine EXIT
trap 'exit 130' INT TERM
start_engine
make_machine "fresh-$SUITE${PREPARED:+-prepared}"
result=$(run_machine "fresh-$SUITE${PREPARED:+-prepared}" | tee /dev/stderr | tail -n 1)
echo "$result"
[[ $result == *", 0 failed" ]]
