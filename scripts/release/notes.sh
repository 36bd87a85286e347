#!/usr/bin/env bash
# Prints what CHANGELOG.md says about a version: scripts/release/notes.sh 1.2.3
set -euo pipefail
cd "$(dirname "$0")/../.."
awk -v version="${1:?usage: $0 VERSION}" '
  /^## / { heading = $2; gsub(/[][]/, "", heading); wanted = heading == version; next }
  wanted { print }' CHANGELOG.md | grep . || { echo "$0: nothing about $1 in CHANGELOG.md" >&2; exit 1; }
