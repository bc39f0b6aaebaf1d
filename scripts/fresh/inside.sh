#!/bin/bash
# What runs inside the fresh machine, as its root, from /root/work/main. Lines that begin with `fresh: ` are for the host; the last one is the sum.
set -u
cd /root/work/main || exit 1

# What is tried where nothing else is asked for: integration tests whose file name contains the word, one after the other.
SUITES=(container networks network- volumes storage engine- restart-policy faults)
# Inside an emulated machine everything is slower by ten, and so is every limit of time.
export HULL_TEST_PATIENCE=10
passed=0
failed=0

# A getty hangs up whoever holds the serial line: each line opens the console anew.
say() { echo "fresh: $*" >/dev/console; }
show() { sed 's/^/  | /' >/dev/console; }

# try NAME COMMAND…: one command of the README, as a new user would type it.
try() {
  local name=$1 began=$SECONDS
  shift
  if "$@" >/root/try.log 2>&1 </dev/null; then
    passed=$((passed + 1))
    say "$name: passed ($((SECONDS - began)) s)"
  else
    failed=$((failed + 1))
    say "$name: FAILED ($((SECONDS - began)) s)"
    tail -n 15 /root/try.log | show
  fi
}

# suite NAME: adds up what the tests said.
suite() {
  local result began=$SECONDS
  npm --silent test -- integration "$1" >/root/suite.log 2>&1 </dev/null
  result=$(grep -E '^[0-9]+ passed, [0-9]+ failed' /root/suite.log | tail -n 1)
  [ -n "$result" ] || result='0 passed, 1 failed'
  passed=$((passed + $(echo "$result" | sed 's/ passed.*//')))
  failed=$((failed + $(echo "$result" | sed 's/.*passed, \([0-9]*\).*/\1/')))
  say "integration $1: $result ($((SECONDS - began)) s)"
  grep -E '^FAILED|\(fail\)|error:' /root/suite.log | head -n 60 | show
}

settings=/root/work/settings
# Not update-ca-certificates, which takes minutes in an emulated machine: the bundle is what apt and node read.
[ ! -d "$settings/ca-certificates" ] || cat "$settings"/ca-certificates/*.crt >>/etc/ssl/certs/ca-certificates.crt 2>/dev/null
[ ! -e "$settings/npmrc" ] || cp "$settings/npmrc" /root/.npmrc
export NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
if [ -d /root/work/node ]; then
  mkdir -p /usr/local/lib/node_modules
  cp -a /root/work/node/bin/node /usr/local/bin/node
  cp -a /root/work/node/lib/npm /usr/local/lib/node_modules/npm
  ln -sf ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
fi
[ ! -s "$settings/suites" ] || mapfile -t SUITES < <(grep . "$settings/suites")

say "$(. /etc/os-release && echo "$PRETTY_NAME"), kernel $(uname -r), cgroups: $(stat -fc %T /sys/fs/cgroup), node $(node --version)"
export PATH=$PATH:/root/work/main/dist:/root/work/main/.cache/tools
try 'npm run setup' npm run --silent setup
try 'npm run build' npm run --silent build
try 'hull bootstrap busybox' hull bootstrap busybox
try 'hull run busybox echo hello' hull run --rm busybox echo hello
try 'hull run --isolation vm busybox uname -a' hull run --rm --isolation vm busybox uname -a
try 'docker run with a memory limit' env DOCKER_HOST=unix:///run/hull/hull.sock docker run --rm -m 32m --cpus 0.5 --pids-limit 50 busybox cat /proc/self/cgroup
try 'hull check' hull check
try 'hull shutdown --stop' hull shutdown --stop
for each in "${SUITES[@]}"; do suite "$each"; done
say "$passed passed, $failed failed"
sleep 2
