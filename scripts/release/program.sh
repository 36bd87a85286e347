#!/usr/bin/env bash
# Puts the program, with the packages that it needs to run and nothing else, into a folder:
#   scripts/release/program.sh FOLDER [x64|arm64]
# bin/wattribute, lib/ (JavaScript), LICENSE. The exporter has been built before (npm run build). Packages are those of
# package-lock.json; the one native package, koffi, comes for the given processor only.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=${1:?usage: $0 FOLDER [x64|arm64]}
architecture=${2:-$(node -p process.arch)}
[ -f exporter/dist/cli.js ] || { echo "$0: the exporter is not built: npm run build" >&2; exit 1; }

mkdir -p "$folder/bin" "$folder/lib/exporter"
cp scripts/release/wattribute.sh "$folder/bin/wattribute"
cp LICENSE "$folder/"
cp package.json package-lock.json "$folder/lib/"
cp exporter/package.json "$folder/lib/exporter/"
# koffi's install script would only check for what its package for this processor brings.
(cd "$folder/lib" && npm ci --omit=dev --workspace exporter --include-workspace-root=false --ignore-scripts \
  --os=linux --cpu="$architecture" --prefer-offline --no-fund --no-audit --loglevel=error >/dev/null)
(cd exporter/dist && find . -name '*.js' -print0 | tar -c --null -T -) | tar -x -C "$folder/lib/exporter" --one-top-level=dist
# What is not there is not named either, and all has a version, so that `npm sbom` finds the folder whole.
node -e '
  const { version } = JSON.parse(fs.readFileSync(process.argv[1]))
  for (const file of process.argv.slice(1)) {
    const { devDependencies, scripts, ...rest } = JSON.parse(fs.readFileSync(file))
    fs.writeFileSync(file, JSON.stringify({ version, ...rest }, null, 2) + "\n")
  }' "$folder/lib/exporter/package.json" "$folder/lib/package.json"
# Of use to npm only, and different from run to run.
rm -rf "$folder/lib/node_modules/.bin" "$folder/lib/node_modules/.package-lock.json" "$folder/lib/package-lock.json"
chmod -R u=rwX,go=rX "$folder"
