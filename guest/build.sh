#!/bin/sh
# Builds dist/guest/hull-guest: static, small, cached by the content of its sources and of the compiler's version; and the programs beside it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/../dist/guest}
sh "$here/measure/build.sh" "$out"
sh "$here/recorder/build.sh" "$out"
sh "$here/jail/build.sh" "$out"
compiler=${CC:-}
if [ -z "$compiler" ]; then
  # musl gives 60 KiB where glibc gives 800; either works.
  if command -v musl-gcc >/dev/null 2>&1; then compiler=musl-gcc; else compiler=gcc; fi
fi
# musl's wrapper hides the kernel's headers, which are the same for every libc.
headers=
if [ "$(basename "$compiler")" = musl-gcc ]; then
  headers="-idirafter /usr/include -idirafter /usr/include/$(gcc -dumpmachine)"
fi
flags="-std=gnu11 -Os -static -s -Wall -Wextra -Werror -Wno-format-truncation -Wno-stringop-truncation -ffunction-sections -fdata-sections -Wl,--gc-sections"
stamp=$( (cat "$here"/build.sh "$here"/src/*; "$compiler" --version) | sha256sum | cut -c1-64)
mkdir -p "$out"
if [ -x "$out/hull-guest" ] && [ "$(cat "$out/hull-guest.stamp" 2>/dev/null)" = "$stamp" ]; then exit 0; fi
# shellcheck disable=SC2086 # the flags are words
"$compiler" $flags $headers -o "$out/hull-guest.new" "$here"/src/*.c
mv "$out/hull-guest.new" "$out/hull-guest"
printf '%s' "$stamp" >"$out/hull-guest.stamp"
