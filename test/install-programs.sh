#!/usr/bin/env bash
# Installs the real programs that tests run, where that is possible: as root on Debian or Ubuntu.
# Elsewhere the suites that need them are skipped and say so; with CI=true a missing program is an error.
set -euo pipefail

# program, or a path, and the Debian package that brings it
declare -A packages=(
  [promtool]=prometheus
  [prometheus]=prometheus
  [prometheus-alertmanager]=prometheus-alertmanager
  [amtool]=prometheus-alertmanager
  [openssl]=openssl
  [cc]=gcc
  [/usr/include/stdio.h]=libc6-dev
  [snmpd]=snmpd
  [/lib/nut/upsd]=nut-server
  [/usr/include/modbus/modbus.h]=libmodbus-dev
  [prometheus-node-exporter]=prometheus-node-exporter
  [prlimit]=util-linux
  [setpriv]=util-linux
  [unshare]=util-linux
  [/lib/systemd/systemd]=systemd
  [udevadm]=udev
  [nsenter]=util-linux
  [podman]=podman
  [dockerd]=docker.io
  [containerd]=containerd
  [runc]=runc
  [conmon]=conmon
  [busybox]=busybox-static
  [chromium]=chromium
  [ipmi_sim]=openipmi
  [ipmitool]=ipmitool
  [/usr/include/OpenIPMI/mcserv.h]=libopenipmi-dev
  [/usr/lib/python3/dist-packages/prometheus_client]=python3-prometheus-client
  [/usr/bin/pip3]=python3-pip
)
# what tests do without it
declare -A without=(
  [prometheus]='test/e2e/prometheus and hang, the stack in test/deploy, checks by promtool'
  [prometheus-alertmanager]='test/e2e/alerts, checks by amtool'
  [openssl]='TLS in test/exposition'
  [gcc]='a driver of NVIDIA GPUs in test/nvml and test/e2e/nvml'
  [libc6-dev]='the same'
  [snmpd]='SNMP in test/devices'
  [nut-server]='UPSs in test/devices'
  [libmodbus-dev]='Modbus in test/devices'
  [prometheus-node-exporter]='an endpoint of another exporter in test/devices'
  [util-linux]='limits and rights in test/e2e/cli'
  [podman]='containers of Podman in test/names, the image in test/deploy'
  [systemd]='units and install scripts in test/deploy'
  [udev]='the same'
  [docker.io]='containers of Docker in test/names'
  [containerd]='pods of containerd in test/names'
  [runc]='containers in test/names'
  [conmon]='containers of Podman in test/names'
  [busybox-static]='containers in test/names'
  [chromium]='the Grafana panel in a browser'
  [openipmi]='management controllers in test/devices'
  [ipmitool]='the same'
  [libopenipmi-dev]='the same'
  [python3-prometheus-client]='OpenMetrics by the strict parser'
  [python3-pip]='schemas of Kubernetes in test/deploy'
)

# The packages that are not there, each once.
missing() {
  local program
  for program in "${!packages[@]}"; do
    [ -e "$program" ] || command -v "$program" >/dev/null || echo "${packages[$program]}"
  done | sort -u
}

# Ends, saying what will be missed and why.
leave() {
  local package text=''
  for package in $(missing); do text+="${text:+; }$package (${without[$package]})"; done
  echo "$1, so tests miss $text" >&2
  [ "${CI:-}" != true ] || exit 1
  exit 0
}

install=$(missing)
[ -n "$install" ] || exit 0
[ "$(id -u)" -eq 0 ] || leave 'not root, nothing is installed'
command -v apt-get >/dev/null || leave 'neither Debian nor Ubuntu, nothing is installed'

# Debian starts a package's service at once, under systemd whatever RUNLEVEL says; only this file keeps it from that.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\n# by test/install-programs.sh of wattribute, while it installs\nexit 101\n' >"$policy"
  chmod +x "$policy"
fi

echo "installing what tests run: ${install//$'\n'/ }" >&2
export DEBIAN_FRONTEND=noninteractive
apt=(apt-get -qq -o DPkg::Lock::Timeout=300)
# shellcheck disable=SC2086 # one word per package
"${apt[@]}" update >/dev/null && "${apt[@]}" install -y --no-install-recommends $install >/dev/null ||
  leave 'apt-get failed'
[ -z "$(missing)" ] || leave 'apt-get did not bring everything'
# Nor shall they start with the machine.
for package in prometheus prometheus-alertmanager podman docker.io containerd; do
  grep -qx "$package" <<<"$install" || continue
  systemctl --quiet disable "${package%.io}.service" "${package%.io}.socket" 2>/dev/null || true
done
