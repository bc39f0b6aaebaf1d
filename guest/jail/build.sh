#!/bin/sh
# Builds dist/guest/hull-jail, which starts QEMU and virtiofsd: static, so that it needs nothing of what it takes away. Cached by the content
# of its sources and of the compiler's version.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/../../dist/guest}
compiler=${CC:-}
if [ -z "$compiler" ]; then
  if command -v musl-gcc >/dev/null 2>&1; then compiler=musl-gcc; else compiler=gcc; fi
fi
headers=
if [ "$(basename "$compiler")" = musl-gcc ]; then
  headers="-idirafter /usr/include -idirafter /usr/include/$(gcc -dumpmachine)"
fi
flags="-std=gnu11 -Os -static -s -Wall -Wextra -Werror -Wno-format-truncation -ffunction-sections -fdata-sections -Wl,--gc-sections"
stamp=$( (cat "$here"/build.sh "$here"/*.c "$here"/*.h; "$compiler" --version) | sha256sum | cut -c1-64)
mkdir -p "$out"
if [ -x "$out/hull-jail" ] && [ "$(cat "$out/hull-jail.stamp" 2>/dev/null)" = "$stamp" ]; then exit 0; fi
# shellcheck disable=SC2086 # the flags are words
"$compiler" $flags $headers -o "$out/hull-jail.$$" "$here"/*.c
mv "$out/hull-jail.$$" "$out/hull-jail"
printf '%s' "$stamp" >"$out/hull-jail.stamp"
