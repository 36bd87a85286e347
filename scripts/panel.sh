#!/usr/bin/env bash
# The checks of the Grafana panel, a package of its own, which is installed here when its lock file changed.
#   scripts/panel.sh test   unit tests, and the built panel in Chromium with the libraries of three versions of Grafana
#   scripts/panel.sh lint   lint, types, and the package
set -euo pipefail
cd "$(dirname "$0")/../grafana-plugin"

# Installs a folder once for each lock file.
install() {
  local stamp="$1/node_modules/.installed"
  cmp -s "$1/package-lock.json" "$stamp" && return
  echo "installing the packages of grafana-plugin/$1" >&2
  (cd "$1" && npm ci --no-fund --no-audit --loglevel=error)
  cp "$1/package-lock.json" "$stamp"
}

install .
npm run --silent build >/dev/null
case "${1:-}" in
  lint)
    npm run --silent lint
    npm run --silent types
    npm run --silent package
    ;;
  test)
    npx --no-install jest
    if command -v chromium >/dev/null && command -v promtool >/dev/null; then
      install harness/libraries
      npm run --silent test:browser
    elif [ "${CI:-}" = true ]; then
      echo 'chromium or promtool is not installed, and the panel is tested with them' >&2
      exit 1
    else
      echo 'skipped: the panel in a browser (chromium or promtool is not installed)' >&2
    fi
    ;;
  *)
    echo "usage: $0 test|lint" >&2
    exit 2
    ;;
esac
