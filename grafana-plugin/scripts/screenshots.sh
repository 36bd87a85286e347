#!/usr/bin/env bash
# Keeps the pictures of the documents and of the package, out of those that the tests in the browser took.
set -euo pipefail
cd "$(dirname "$0")/.."
for theme in dark light; do
  cp "harness/shots/13.2-bars-partly-measured-$theme.png" "../docs/images/panel-query-energy-$theme.png"
  cp "harness/shots/13.2-phases-$theme.png" "../docs/images/panel-training-phases-$theme.png"
done
cp harness/shots/13.2-Energy-per-query-200-dark.png ../docs/images/panel-query-energy-200px.png
cp harness/shots/13.2-queries-missing-dark.png ../docs/images/panel-queries-missing.png
cp harness/shots/13.2-bars-dark.png src/img/query-energy.png
cp harness/shots/13.2-phases-dark.png src/img/training-phases.png
