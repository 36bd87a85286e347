#!/usr/bin/env bash
# Puts Node's program and licence into a folder: scripts/release/node.sh FOLDER [x64|arm64]
# From npm, where it has no dependencies and no install script; a version and the checksum of its package are fixed here.
set -euo pipefail
folder=${1:?usage: $0 FOLDER [x64|arm64]}
architecture=${2:-$(node -p process.arch)}
version=24.21.0
declare -A sha512=(
  [x64]=3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==
  [arm64]=FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==
)
expected=${sha512[$architecture]:?no Node for $architecture}
checksum() { openssl dgst -sha512 -binary "$1" | base64 -w0; }

kept="${XDG_CACHE_HOME:-${HOME:-$PWD/node_modules}/.cache}/wattribute-node24"
package="$kept/node-linux-$architecture-$version.tgz"
mkdir -p "$kept"
if [ ! -f "$package" ] || [ "$(checksum "$package")" != "$expected" ]; then
  npm pack --silent --pack-destination "$kept" "node-linux-$architecture@$version" >/dev/null
fi
[ "$(checksum "$package")" = "$expected" ] ||
  { echo "$0: $package is not the one whose checksum stands here" >&2; exit 1; }
mkdir -p "$folder"
tar -xzf "$package" -C "$folder" --strip-components=1 package/bin/node package/LICENSE
chmod -R u=rwX,go=rX "$folder"
