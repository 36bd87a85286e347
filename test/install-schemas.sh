#!/usr/bin/env bash
# Installs the schemas of Kubernetes that test/deploy checks manifests by, from PyPI, in a folder of the user.
# Without, those tests are skipped and say so; with CI=true that is an error.
set -euo pipefail
cd "$(dirname "$0")"
folder="${XDG_CACHE_HOME:-${HOME:?}/.cache}/wattribute-kubernetes"
cmp -s deploy/requirements.txt "$folder/requirements.txt" && exit 0
rm -rf "$folder"
echo 'installing schemas of Kubernetes' >&2
if python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-compile \
  --target "$folder" --requirement deploy/requirements.txt; then
  cp deploy/requirements.txt "$folder"
else
  echo 'pip brought no schemas of Kubernetes, so tests miss them' >&2
  [ "${CI:-}" != true ] || exit 1
fi
