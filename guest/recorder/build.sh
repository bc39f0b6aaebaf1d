#!/bin/sh
# Builds dist/guest/hull-recorder, the program on the host that writes what a VM says: static. Cached by the content of its sources and of the
# compiler's version.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/../../dist/guest}
compiler=${CC:-}
if [ -z "$compiler" ]; then
  if command -v musl-gcc >/dev/null 2>&1; then compiler=musl-gcc; else compiler=gcc; fi
fi
# musl's wrapper hides the kernel's headers, which are the same for every libc.
headers=
if [ "$(basename "$compiler")" = musl-gcc ]; then
  headers="-idirafter /usr/include -idirafter /usr/include/$(gcc -dumpmachine)"
fi
flags="-std=gnu11 -Os -static -s -Wall -Wextra -Werror -Wno-format-truncation -ffunction-sections -fdata-sections -Wl,--gc-sections"
stamp=$( (cat "$here"/build.sh "$here"/*.c "$here"/*.h; "$compiler" --version) | sha256sum | cut -c1-64)
mkdir -p "$out"
if [ -x "$out/hull-recorder" ] && [ "$(cat "$out/hull-recorder.stamp" 2>/dev/null)" = "$stamp" ]; then exit 0; fi
# shellcheck disable=SC2086 # the flags are words
"$compiler" $flags $headers -o "$out/hull-recorder.$$" "$here"/recorder.c
mv "$out/hull-recorder.$$" "$out/hull-recorder"
printf '%s' "$stamp" >"$out/hull-recorder.stamp"
