#!/bin/bash
# The main job, on this machine: one FreeRADIUS image run as a container and as a virtual machine, beside a full Debian machine that has
# FreeRADIUS installed in the classic way; a real user authenticated against all three; and what each way costs, measured.
#
#   npm run demo               installs what is missing, builds, runs, compares, tidies up; the second time two minutes where VMs are emulated
#   npm run demo -- --clean    removes what the demo keeps for the next time: images and the machine's disk
#
# The demo has an engine of its own, beside any other, and stops it at the end, also when a step fails.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

DATA=${HULL_DEMO_DATA:-/var/lib/hull-demo}
RUN=${HULL_DEMO_RUN:-/run/hull-demo}
SOCKET=$RUN/hull.sock
HULL=$ROOT/dist/hull
ENGINE_LOG=$LOGS/demo-engine.log
BASE=debian:bookworm-slim
IMAGE=freeradius
MACHINE=freeradius
INSTANCES=(demo-container demo-vm)
ENGINE=
export HULL_HOST=unix://$SOCKET

# As examples/freeradius/config and examples/freeradius-machine have them.
USER_NAME=bob
PASSWORD=hello
SECRET=testing123

start_engine() {
  say "starting an engine of the demo's own (its images stay in $DATA)"
  mkdir -p "$DATA" "$RUN"
  "$HULL" daemon --data "$DATA" --run "$RUN" --socket "$SOCKET" >"$ENGINE_LOG" 2>&1 </dev/null &
  ENGINE=$!
  for _ in $(seq 100); do
    if "$HULL" version >/dev/null 2>&1; then return; fi
    kill -0 "$ENGINE" 2>/dev/null || break
    sleep 0.1
  done
  tail -n 20 "$ENGINE_LOG" >&2
  die "the engine did not start"
}

stop_engine() {
  [ -n "$ENGINE" ] || return 0
  "$HULL" rm -f "${INSTANCES[@]}" >/dev/null 2>&1 || true
  "$HULL" shutdown --stop >/dev/null 2>&1 || kill -TERM "$ENGINE" 2>/dev/null || true
  wait "$ENGINE" 2>/dev/null || true
  ENGINE=
}

make_images() {
  if ! "$HULL" image inspect "$BASE" >/dev/null 2>&1; then
    say "making the base image $BASE from the package mirror"
    "$HULL" bootstrap "$BASE"
  fi
  say "building the image $IMAGE from examples/freeradius"
  build_image
  "$HULL" images
}

# The steps as they come; everything that they print is in the log.
build_image() {
  local log=$LOGS/demo-build.log
  if ! "$HULL" build -t "$IMAGE" "$ROOT/examples/freeradius" 2>&1 | tee "$log" | grep --line-buffered -E '^(Step|Successfully) ' ; then
    tail -n 30 "$log" >&2
    die "examples/freeradius could not be built"
  fi
}

make_machine() {
  if "$HULL" machine inspect "$MACHINE" >/dev/null 2>&1; then return; fi
  say "making a Debian machine with FreeRADIUS installed by apt (a few minutes, the first time)"
  "$HULL" machine create "$MACHINE" --package freeradius \
    --file "/etc/freeradius/3.0/clients.conf=$ROOT/examples/freeradius-machine/clients.conf" \
    --file "/etc/freeradius/3.0/mods-config/files/authorize=$ROOT/examples/freeradius/config/users"
}

# start_instance NAME OPTION…: a fresh one, its RADIUS port published on a free port of this host.
start_instance() {
  local name=$1
  shift
  "$HULL" rm -f "$name" >/dev/null 2>&1 || true
  say "starting $name"
  "$HULL" run -d --name "$name" -p 127.0.0.1::1812/udp "$@" >/dev/null
}

radius_port() {
  "$HULL" inspect --format '{{(index (index .NetworkSettings.Ports "1812/udp") 0).HostPort}}' "$1"
}

# ask PORT PASSWORD: the server's answer, e.g. Access-Accept; empty when none came within two seconds.
ask() {
  printf 'User-Name = "%s"\nUser-Password = "%s"\n' "$USER_NAME" "$2" |
    radclient -x -t 2 -r 1 "127.0.0.1:$1" auth "$SECRET" 2>/dev/null | sed -n 's/^Received \(Access-[A-Za-z]*\).*/\1/p' || true
}

# authenticate NAME SECONDS: the right password must be accepted, a wrong one rejected; waits until the server answers.
authenticate() {
  local name=$1 limit=$2 port answer began=$SECONDS
  port=$(radius_port "$name")
  until answer=$(ask "$port" "$PASSWORD") && [ -n "$answer" ]; do
    if [ $((SECONDS - began)) -ge "$limit" ]; then
      "$HULL" logs --tail 20 "$name" >&2 || true
      die "$name did not answer within $limit seconds"
    fi
    sleep 0.2
  done
  [ "$answer" = Access-Accept ] || die "$name answered $answer to the right password"
  answer=$(ask "$port" "not-$PASSWORD")
  [ "$answer" = Access-Reject ] || die "$name answered ${answer:-nothing} to a wrong password"
  say "$name: Access-Accept for the right password, Access-Reject for a wrong one"
}

run_and_authenticate() {
  start_instance demo-container "$IMAGE"
  authenticate demo-container 30
  start_instance demo-vm --isolation vm "$IMAGE"
  authenticate demo-vm 120
  "$HULL" ps
  "$HULL" rm -f "${INSTANCES[@]}" >/dev/null
}

# Each is ready when it accepts the right password; a wrong one is then asked about once, beside the measurement, for a server takes its time to
# reject. The machine, which may take half a minute to boot where VMs are emulated, is authenticated here and not started once more for it.
compare() {
  local answers=$RUN/answers isolation
  rm -rf "$answers"
  mkdir -p "$answers"
  cat >"$answers/probe" <<EOF
echo 'User-Name=$USER_NAME,User-Password=$PASSWORD' | radclient -q -t 1 -r 1 "\$HULL_ADDRESS:1812" auth $SECRET || exit 1
[ -e "$answers/\$HULL_ISOLATION" ] && exit 0
setsid sh -c 'echo "User-Name=$USER_NAME,User-Password=not-$PASSWORD" | radclient -x -t 5 -r 1 "\$0:1812" auth $SECRET |
  grep -q Access-Reject && touch "$answers/\$1"' "\$HULL_ADDRESS" "\$HULL_ISOLATION" >/dev/null 2>&1 </dev/null &
EOF
  say "measuring what each isolation costs; each is authenticated against, the full machine too"
  "$HULL" compare "$IMAGE" --machine "$MACHINE" --runs 2 --html "$ROOT/dist/compare.html" --probe "sh $answers/probe"
  for isolation in container vm machine; do
    [ -e "$answers/$isolation" ] || die "the $isolation did not reject the wrong password"
    say "$isolation: Access-Accept for the right password, Access-Reject for a wrong one"
  done
  say "the same as a page with charts: dist/compare.html"
}

# Removes the two folders: only an engine's, and only when nothing of it runs.
clean_folders() {
  [ ! -e "$DATA" ] || [ -f "$DATA/engine.json" ] || [ -f "$DATA/hull.db" ] || die "$DATA is no data folder of an engine: nothing is removed"
  [ ! -f "$RUN/engine.json" ] || die "instances of the demo may be running: end them first (dist/hull daemon --data $DATA --run $RUN, then hull shutdown --stop)"
  if [ -f "$DATA/daemon.pid" ]; then
    exec 8>>"$DATA/daemon.pid"
    flock -n 8 || die "an engine uses $DATA: end it first"
  fi
  rm -rf --one-file-system "$DATA" "$RUN"
}

if [ "${1:-}" = --clean ]; then
  need_root
  clean_folders
  say "removed $DATA"
  exit 0
fi
[ $# -eq 0 ] || die "the demo takes no arguments but --clean"
bash "$ROOT/scripts/setup.sh"
bash "$ROOT/scripts/build.sh"
mkdir -p "$LOGS"
trap stop_engine EXIT
trap 'exit 130' INT TERM
start_engine
make_images
make_machine
run_and_authenticate
compare
say "done: everything that ran has been stopped; images and the machine's disk stay in $DATA (npm run demo -- --clean removes them)"
