#!/bin/sh
# Tests what of the guest program runs outside a VM: its protocol under the address and undefined-behaviour sanitizers. Seeds: the arguments.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
flags="-std=gnu11 -O1 -g -Wall -Wextra -Werror -Wno-format-truncation -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -Dkill=test_kill -Dsync=test_sync"
# shellcheck disable=SC2086 # the flags are words
gcc $flags -Dspawn=process_spawn -c -o "$folder/process.o" "$here/src/process.c"
# shellcheck disable=SC2086
gcc $flags -o "$folder/fuzz" "$folder/process.o" "$here"/test/fuzz.c "$here"/src/link.c "$here"/src/session.c "$here"/src/stream.c \
  "$here"/src/fields.c "$here"/src/util.c "$here"/src/log.c
for seed in ${*:-1 2 3 4 5 6}; do "$folder/fuzz" "$seed" 3000; done
# shellcheck disable=SC2086
gcc $flags -Dmain=recorder_main -c -o "$folder/recorder.o" "$here/recorder/recorder.c"
# shellcheck disable=SC2086
gcc $flags -o "$folder/recorder" "$folder/recorder.o" "$here"/test/recorder.c
for seed in ${*:-1 2 3 4 5 6}; do "$folder/recorder" "$seed" 100 "$folder"; done
