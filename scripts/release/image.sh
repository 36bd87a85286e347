#!/usr/bin/env bash
# Builds the image for x64 and arm64, with a record of how it was built and an SBOM in it:
#   scripts/release/image.sh REPOSITORY VERSION DIGEST-FILE   pushes it, and writes its digest into a file
#   scripts/release/image.sh --dry-run REPOSITORY VERSION     says what it would run
# Needs docker with buildx, logged in at the registry, and emulation of the other processor (qemu-user-static).
set -euo pipefail
cd "$(dirname "$0")/../.."
dry=no
[ "${1:-}" != --dry-run ] || { dry=yes; shift; }
repository=${1:?usage: $0 [--dry-run] REPOSITORY VERSION [DIGEST-FILE]}
version=${2:?usage: $0 [--dry-run] REPOSITORY VERSION [DIGEST-FILE]}
metadata=$(mktemp)
trap 'rm -f "$metadata"' EXIT
tags=(--tag "$repository:$version")
[[ $version = *-* ]] || tags+=(--tag "$repository:latest")
command=(docker buildx build --builder wattribute-release --platform "linux/amd64,linux/arm64"
  --provenance=mode=max --sbom=true --file deploy/docker/Dockerfile "${tags[@]}" --metadata-file "$metadata" --push .)
if [ "$dry" = yes ]; then
  echo "${command[*]}"
  exit 0
fi
# The builder that comes with docker makes images for one processor only.
docker buildx inspect wattribute-release >/dev/null 2>&1 ||
  docker buildx create --name wattribute-release --driver docker-container >/dev/null
"${command[@]}"
node -p 'JSON.parse(fs.readFileSync(process.argv[1]))["containerimage.digest"]' "$metadata" >"${3:?where its digest is written}"
