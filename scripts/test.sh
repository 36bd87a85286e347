#!/usr/bin/env bash
# All tests: those of the Grafana panel, then those of the exporter. Words are passed to jest, and then only the latter run.
set -euo pipefail
cd "$(dirname "$0")/.."
bash test/install-programs.sh
bash test/install-schemas.sh
npm run --silent build
[ "$#" -gt 0 ] || bash scripts/panel.sh test
exec node --experimental-vm-modules --no-warnings=ExperimentalWarning node_modules/jest/bin/jest.js "$@"
