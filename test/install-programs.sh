#!/usr/bin/env bash
# Installs the real programs that tests run, where that is possible: as root on Debian or Ubuntu.
# Elsewhere the suites that need them are skipped and say so; with CI=true a missing program is an error.
set -euo pipefail

# program and the Debian package that brings it
declare -A packages=(
  [promtool]=prometheus
  [prometheus]=prometheus
  [openssl]=openssl
  [prlimit]=util-linux
  [setpriv]=util-linux
  [unshare]=util-linux
)
strict_parser=/usr/lib/python3/dist-packages/prometheus_client

missing=()
for program in "${!packages[@]}"; do
  command -v "$program" >/dev/null || missing+=("${packages[$program]}")
done
[ -d "$strict_parser" ] || missing+=(python3-prometheus-client)
[ "${#missing[@]}" -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "not installed here, since that takes root on Debian or Ubuntu: ${missing[*]}; tests that need them are skipped" >&2
  [ "${CI:-}" != true ] || exit 1
  exit 0
fi

echo "installing what tests run: ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 # Debian starts no service in runlevel 1
apt-get update -qq -o DPkg::Lock::Timeout=300 >/dev/null
apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "${missing[@]}" >/dev/null
