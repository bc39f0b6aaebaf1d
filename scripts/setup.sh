#!/bin/bash
# Installs what the project needs and the machine lacks. Quick when nothing is missing; safe to run again at any time.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

setup_debian_packages() {
  local packages
  mapfile -t packages < <(sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' "$ROOT/scripts/packages.txt")
  install_packages "${packages[@]}" || die "the Debian packages could not be installed; is the package mirror reachable?"
}

# npm writes node_modules/.package-lock.json last: it is newer than the lock file exactly when the installation is complete.
setup_npm_packages() {
  cd "$ROOT"
  if [ ! node_modules/.package-lock.json -nt package-lock.json ]; then
    say "installing the npm packages of package-lock.json"
    # Not `npm ci`: that refuses a lock file without the other platforms' optional programs, which not every registry has.
    quietly "$LOGS/npm.log" npm install --no-save --no-audit --no-fund --loglevel=warn || die "the npm packages could not be installed"
    touch node_modules/.package-lock.json
  fi
  # Some npm versions do not run install scripts: then bun's own step, which puts its program in place, is done here.
  if ! "$BUN" --version >/dev/null 2>&1; then
    quietly "$LOGS/bun.log" node node_modules/bun/install.js || die "bun, the runtime, could not be put in place"
    "$BUN" --version >/dev/null 2>&1 || die "bun, the runtime, does not start: run $BUN --version to see why"
  fi
}

setup_guest_program() {
  if [ ! -e "$ROOT/guest/build.sh" ]; then
    say "no guest program to build yet (guest/build.sh does not exist)"
    return
  fi
  quietly "$LOGS/guest.log" bash "$ROOT/guest/build.sh" || die "the guest program could not be built"
}

# The guest kernel is the distribution's; it is unpacked beside the project, never installed on the host.
setup_guest_kernel() {
  local kernels="$CACHE/kernels" work package deb
  if compgen -G "$kernels/boot/vmlinuz-*" >/dev/null; then return; fi
  mkdir -p "$CACHE"
  work=$(mktemp -d "$CACHE/kernel-download.XXXXXX")
  trap 'rm -rf "$work"' RETURN
  package=$(guest_kernel_package) || { refresh_package_lists && package=$(guest_kernel_package); } ||
    die "the package mirror has no cloud kernel"
  say "downloading the guest kernel $package"
  deb=$(fetch_package "$package" "$work") || die "the guest kernel could not be downloaded"
  mkdir -p "$work/tree"
  dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$work/tree" --wildcards './boot/vmlinuz-*' './boot/config-*' './lib/modules/*'
  rm -rf "$kernels"
  mv "$work/tree" "$kernels"
}

# The meta package names the kernel's current version.
guest_kernel_package() {
  apt-cache depends "linux-image-cloud-$(dpkg --print-architecture)" 2>/dev/null |
    awk '$1 == "Depends:" && $2 ~ /^linux-image-/ { print $2; found = 1; exit } END { exit !found }'
}

# The tests talk to the engine with the docker client, and compare its answers with those of dockerd. What the host lacks is unpacked beside
# the project: installing the packages would bring a second engine and its services.
setup_docker() {
  unpack_programs docker.io docker dockerd docker-proxy
  unpack_programs containerd containerd containerd-shim-runc-v2
}

# unpack_programs PACKAGE PROGRAM…: puts those that the host lacks into the tests' own folder of tools.
unpack_programs() {
  local tools="$CACHE/tools" package=$1 work deb program missing=()
  shift
  for program in "$@"; do
    command -v "$program" >/dev/null || [ -x "$tools/$program" ] || missing+=("$program")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  mkdir -p "$tools"
  work=$(mktemp -d "$CACHE/docker-download.XXXXXX")
  say "downloading ${missing[*]} of $package, for the tests"
  deb=$(fetch_package "$package" "$work") || die "$package could not be downloaded"
  dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$work" --wildcards './usr/*bin/*'
  for program in "${missing[@]}"; do mv "$work"/usr/*bin/"$program" "$tools/$program"; done
  rm -rf "$work"
}

need_root
command -v apt-get >/dev/null || die "this needs a Debian host: apt-get was not found"
command -v npm >/dev/null || die "this needs Node 20 or later with npm"
setup_debian_packages
setup_npm_packages
setup_guest_program
setup_guest_kernel
setup_docker
say "set up"
