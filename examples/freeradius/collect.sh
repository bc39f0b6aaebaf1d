#!/bin/sh
# Gathers FreeRADIUS, its configuration and exactly what it needs to run: collect.sh CONFIGURATION FOLDER
set -eu
umask 022
config=$1
image=$2
modules=/usr/lib/freeradius

# Copies files to the same path in the image, links followed.
put() {
  for file in "$@"; do
    mkdir -p "$image$(dirname "$file")"
    cp -L "$file" "$image$file"
  done
}

programs="/usr/sbin/freeradius /usr/bin/radclient"
plugins="$modules/rlm_pap.so $modules/rlm_chap.so $modules/rlm_files.so $modules/rlm_always.so"
# OpenSSL loads this one by name: MD4 and the like, which the server asks for at its start.
legacy=$(echo /usr/lib/*/ossl-modules/legacy.so)

# Intended splitting: these are lists.
# shellcheck disable=SC2086
put $programs $plugins $legacy
# shellcheck disable=SC2086
put $(ldd $programs $plugins $legacy | grep -v ':$' | grep -o '/[^ ]*' | sort -u)

# The attributes that config/dictionary includes.
for name in rfc2865 rfc2866 rfc2867 rfc2868 rfc2869 rfc3162 rfc3576 rfc5176 freeradius freeradius.internal; do
  put "/usr/share/freeradius/dictionary.$name"
done

# Readable for the server's user, whatever the checkout's modes are.
for name in radiusd.conf clients.conf users health-check; do
  install -D -m 644 "$config/$name" "$image/etc/freeradius/$name"
done
install -D -m 644 "$config/dictionary" "$image/usr/share/freeradius/dictionary"

mkdir -p "$image/etc" "$image/tmp"
chmod 1777 "$image/tmp"
echo 'radius:x:1812:1812:FreeRADIUS:/tmp:/nonexistent' > "$image/etc/passwd"
echo 'radius:x:1812:' > "$image/etc/group"
