#!/usr/bin/env bash
# Makes dist/wattribute-VERSION-linux-ARCHITECTURE.tar.gz, which installs without a network and without Node:
#   scripts/bundle.sh [--panel=FILE|none] [x64|arm64 ...]
# In it: the program with the packages it needs, Node, units and scripts to install them, rules, dashboards, the Grafana
# panel as a zip, clients, documents, licences, an SBOM (CycloneDX) and checksums. The same commit and panel give the same bytes.
# --panel names the panel's zip; without it, it is built. Built before: npm ci && npm run build.
set -euo pipefail
cd "$(dirname "$0")/.."
panel=''
architectures=()
for word in "$@"; do
  case $word in
    --panel=*) panel=${word#--panel=} ;;
    x64 | arm64) architectures+=("$word") ;;
    *) echo "usage: $0 [--panel=FILE|none] [x64|arm64 ...]" >&2; exit 2 ;;
  esac
done
[ ${#architectures[@]} -gt 0 ] || architectures=(x64 arm64)
version=$(node -p "require('./exporter/package.json').version")
# Of the commit; of sources without one, the beginning of tar's own time.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 315532800)}
out=$PWD/dist
mkdir -p "$out"

if [ -z "$panel" ]; then
  (cd grafana-plugin && npm ci --no-fund --no-audit --loglevel=error && npm run --silent build && npm run --silent package) >/dev/null
  panel=$(ls grafana-plugin/dist-package/*.zip)
fi
if [ "$panel" != none ] && [ ! -f "$panel" ]; then echo "$0: there is no $panel" >&2; exit 1; fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for architecture in "${architectures[@]}"; do
  name=wattribute-$version-linux-$architecture
  bundle=$work/$name
  bash scripts/release/program.sh "$bundle" "$architecture"
  bash scripts/release/node.sh "$bundle/node" "$architecture"
  node scripts/release/sbom.mjs "$bundle/lib" "$architecture" >"$bundle/sbom.cdx.json"
  cp README.md CHANGELOG.md "$bundle/"
  cp -r docs deploy clients "$bundle/"
  find "$bundle/clients" -name __pycache__ -prune -exec rm -rf {} +
  # Dashboards as they are imported; their sources stay in the repository.
  if compgen -G 'dashboards/*.json' >/dev/null; then
    mkdir "$bundle/dashboards"
    for file in dashboards/*.json; do
      grep -q '"panels"' "$file" && cp "$file" "$bundle/dashboards/"
    done
  fi
  [ "$panel" = none ] || cp "$panel" "$bundle/"
  chmod -R u=rwX,go=rX "$bundle"
  (cd "$bundle" && find . -type f ! -name SHA256SUMS -print0 | LC_ALL=C sort -z | xargs -0 sha256sum >SHA256SUMS)
  tar -C "$work" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --format=gnu \
    -c "$name" | gzip -n >"$out/$name.tar.gz"
  rm -rf "$bundle"
  (cd "$out" && sha256sum "$name.tar.gz")
done
