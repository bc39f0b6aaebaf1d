#!/bin/sh
# Builds dist/guest/hull-measure, the program that `hull compare` runs on the host and in every instance: static, so that it runs in an
# image without a libc. Cached by the content of its sources and of the compiler's version.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/../../dist/guest}
compiler=${CC:-}
if [ -z "$compiler" ]; then
  if command -v musl-gcc >/dev/null 2>&1; then compiler=musl-gcc; else compiler=gcc; fi
fi
flags="-std=gnu11 -O2 -static -s -Wall -Wextra -Werror -ffunction-sections -fdata-sections -Wl,--gc-sections"
stamp=$( (cat "$here"/build.sh "$here"/*.c "$here"/*.h; "$compiler" --version) | sha256sum | cut -c1-64)
mkdir -p "$out"
if [ -x "$out/hull-measure" ] && [ "$(cat "$out/hull-measure.stamp" 2>/dev/null)" = "$stamp" ]; then exit 0; fi
# By a name of its own and a rename: builds at the same time do not disturb each other, nor an instance that runs it.
# shellcheck disable=SC2086 # the flags are words
"$compiler" $flags -o "$out/hull-measure.$$" "$here"/*.c
mv "$out/hull-measure.$$" "$out/hull-measure"
printf '%s' "$stamp" >"$out/hull-measure.stamp"
