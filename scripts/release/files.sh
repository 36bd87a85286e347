#!/usr/bin/env bash
# Makes all files of a release in dist/: the panel, a bundle for each processor, the SBOMs, the package of npm, and their
# checksums. Built before: npm ci && npm run build.
set -euo pipefail
cd "$(dirname "$0")/../.."
rm -rf dist
panel=$(cd grafana-plugin && bash ../scripts/release/plugin.sh | tail -n 1)
scripts/bundle.sh "--panel=$PWD/dist/$(basename "$panel")" x64 arm64
for bundle in dist/*.tar.gz; do
  name=$(basename "$bundle" .tar.gz)
  tar -xzOf "$bundle" "$name/sbom.cdx.json" >"dist/$name.cdx.json"
done
npm pack --silent --pack-destination dist --workspace exporter >/dev/null
(cd dist && sha256sum -- * >SHA256SUMS && cat SHA256SUMS)
