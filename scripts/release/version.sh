#!/usr/bin/env bash
# Whether a tag is the version of everything that is released, and the changelog knows it: scripts/release/version.sh v1.2.3
# Prints the version.
set -euo pipefail
cd "$(dirname "$0")/../.."
tag=${1:?usage: $0 TAG}
version=${tag#v}
fail=0
say() { echo "$0: $*" >&2; fail=1; }

[[ $tag =~ ^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9a-z.]+)?$ ]] || say "$tag is no version, such as v1.2.3"
for file in exporter/package.json grafana-plugin/package.json; do
  found=$(node -p 'JSON.parse(fs.readFileSync(process.argv[1])).version' "$file")
  [ "$found" = "$version" ] || say "$file says $found, the tag $tag"
done
grep -qE "^## \[?${version//./\\.}\]?( |$)" CHANGELOG.md || say "CHANGELOG.md has no heading for $version"
! grep -qE "^## \[?${version//./\\.}\]? .*unreleased" CHANGELOG.md || say "CHANGELOG.md calls $version unreleased: give it its date"
[ "$fail" -eq 0 ] || exit 1
echo "$version"
