#!/usr/bin/env bash
# Builds the Grafana panel as dist/wattribute-energy-panel-VERSION.zip: scripts/release/plugin.sh
# Signed where GRAFANA_ACCESS_POLICY_TOKEN is set; without it Grafana has to allow it as unsigned, by its id.
set -euo pipefail
cd "$(dirname "$0")/../../grafana-plugin"
npm ci --no-fund --no-audit --loglevel=error
npm run --silent build >/dev/null
if [ -n "${GRAFANA_ACCESS_POLICY_TOKEN:-}" ]; then npx --yes @grafana/sign-plugin@3.3.3 >&2
else echo 'not signed: GRAFANA_ACCESS_POLICY_TOKEN is not set' >&2
fi
npm run --silent package >&2
mkdir -p ../dist
cp dist-package/*.zip ../dist/
ls ../dist/wattribute-energy-panel-*.zip
