#!/usr/bin/env bash
# Prints where Helm is: the one that is installed, or else version 3 compiled by Go in a folder of the user, which takes
# some minutes once.
set -euo pipefail
version=v3.22.0
if command -v helm >/dev/null; then
  command -v helm
  exit 0
fi
folder="${XDG_CACHE_HOME:-${HOME:?}/.cache}/wattribute-helm/$version"
if [ ! -x "$folder/helm" ]; then
  go=$(command -v go || echo /usr/local/go/bin/go)
  [ -x "$go" ] || { echo 'Helm is missing, and Go to compile it: https://helm.sh/docs/intro/install' >&2; exit 1; }
  echo "compiling Helm $version" >&2
  mkdir -p "$folder"
  GOFLAGS= GOBIN="$folder" "$go" install "helm.sh/helm/v3/cmd/helm@$version" >&2
fi
echo "$folder/helm"
