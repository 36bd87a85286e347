#!/usr/bin/env bash
# Tests of the Helm chart that need Helm, which is compiled where it is missing: some minutes, once. Further words are
# passed to jest. What needs no Helm is in test/deploy/chart.test.ts.
set -euo pipefail
cd "$(dirname "$0")/.."
bash test/install-programs.sh
bash test/install-schemas.sh
HELM=$(bash scripts/helm.sh)
export HELM
exec node --experimental-vm-modules --no-warnings=ExperimentalWarning node_modules/jest/bin/jest.js \
  --config jest.chart.config.mjs "$@"
