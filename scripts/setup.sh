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

# Compose 2, the plugin of docker's client, is in Debian from its release 13 on. It is fetched with lists of its own, so that the host's apt
# knows nothing of another release. Without it its tests are skipped, and say so: not every mirror has that release.
setup_compose_plugin() {
  local plugin="$CACHE/tools/cli-plugins/docker-compose" work
  [ ! -x "$plugin" ] || return 0
  mkdir -p "$CACHE/tools/cli-plugins"
  work=$(mktemp -d "$CACHE/compose-download.XXXXXX")
  say "downloading docker-compose of Debian 13, for the tests"
  if quietly "$LOGS/compose.log" fetch_of_release trixie docker-compose "$work"; then
    dpkg-deb --fsys-tarfile "$work"/docker-compose_*.deb | tar -x -C "$work" ./usr/libexec/docker/cli-plugins/docker-compose
    mv "$work/usr/libexec/docker/cli-plugins/docker-compose" "$plugin"
  else
    say "Compose 2 could not be downloaded: its tests will be skipped"
  fi
  rm -rf "$work"
}

# fetch_of_release RELEASE PACKAGE FOLDER: downloads a package of another release of Debian's, from the host's own mirror.
fetch_of_release() {
  local folder=$3 site options
  site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -m1 '/debian/\?$' || true)
  mkdir -p "$folder/lists/partial" "$folder/sources" "$folder/cache/archives/partial"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${site:-http://deb.debian.org/debian} $1 main" >"$folder/sources.list"
  options=(-q -o APT::Sandbox::User=root -o "Dir::Etc::SourceList=$folder/sources.list" -o "Dir::Etc::SourceParts=$folder/sources"
    -o "Dir::State::Lists=$folder/lists" -o "Dir::Cache=$folder/cache" -o Acquire::Languages=none
    -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false -o Acquire::Retries=1 -o Acquire::http::Timeout=20)
  apt-get "${options[@]}" -o APT::Update::Error-Mode=any update &&
    (cd "$folder" && apt-get "${options[@]}" download "$2/$1")
}

need_root
command -v apt-get >/dev/null || die "this needs a Debian host: apt-get was not found"
command -v npm >/dev/null || die "this needs Node 20 or later with npm"
setup_debian_packages
setup_npm_packages
setup_guest_program
setup_guest_kernel
setup_docker
setup_compose_plugin
say "set up"
