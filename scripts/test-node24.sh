#!/usr/bin/env bash
# Runs the tests with Node 24, whose program comes from npm. Further words are passed to jest. Left out is what no version
# of Node changes, and was tested with the other one: what Prometheus and Alertmanager do with rules and dashboards, what is
# deployed, and documents.
set -euo pipefail
cd "$(dirname "$0")/.."
case "$(uname -m)" in
  x86_64) architecture=x64 ;;
  aarch64) architecture=arm64 ;;
  *) echo "no Node 24 for $(uname -m) on npm" >&2; exit 1 ;;
esac
# In a folder of the user, since what lies there is run.
folder="${XDG_CACHE_HOME:-${HOME:-$PWD/node_modules}/.cache}/wattribute-node24"
program="$folder/node_modules/node-linux-$architecture/bin/node"
if [ ! -x "$program" ]; then
  mkdir -p "$folder"
  npm install --no-fund --no-audit --silent --no-save --prefix "$folder" "node-linux-$architecture@24"
fi
"$program" --version
export PATH="$(dirname "$program"):$PATH"
exec "$program" --experimental-vm-modules --no-warnings=ExperimentalWarning node_modules/jest/bin/jest.js \
  --testPathIgnorePatterns '/test/(rules|dashboards|deploy|docs)/' '/test/e2e/(alerts|energy-per-query|hall|published|relabelling)\.test' -- "$@"
