#!/usr/bin/env bash
# Compares the API that the panel uses with the libraries of older versions of Grafana: `npm run compatibility [-- VERSION...]`.
set -uo pipefail
cd "$(dirname "$0")/.."
[ "$#" -gt 0 ] || set -- 12.4.10 11.6.16
for version in "$@"; do
  npx --no-install levitate is-compatible --path src/module.ts \
    --target "@grafana/data@$version,@grafana/ui@$version,@grafana/runtime@$version"
done
