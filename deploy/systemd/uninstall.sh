#!/usr/bin/env bash
# Removes what install.sh has put here. Settings and books stay, for an exporter that comes later, unless --purge is given.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: uninstall.sh [--purge] [--dry-run] [--root=FOLDER]

  --purge        remove /etc/wattribute, /var/lib/wattribute and the user as well: all books are lost
  --dry-run      say what would be done, and do nothing
  --root=FOLDER  of files that were put below a folder
TEXT
}

root='' dry=no purge=no staged=no
for word in "$@"; do
  case $word in
    --purge) purge=yes ;;
    --dry-run) dry=yes ;;
    --root=*) root=${word#--root=}; root=${root%/}; staged=yes ;;
    --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
done

refuse() { echo "uninstall.sh: $*" >&2; exit 1; }
step() {
  local sentence=$1
  shift
  if [ "$dry" = yes ]; then echo "would: $sentence"; else echo "$sentence"; "$@"; fi
}

if [ "$staged" = yes ]; then [ -n "$root" ] || refuse '--root needs a folder other than /'
elif [ "$dry" = no ] && [ "$(id -u)" -ne 0 ]; then refuse 'run it as root, or with --dry-run or --root=FOLDER'
fi

stop_services() {
  systemctl disable --now --quiet wattribute.service 2>/dev/null || true
  local proxy
  for proxy in $(systemctl list-units --all --plain --no-legend 'wattribute-proxy@*' | awk '{ print $1 }'); do
    systemctl disable --now --quiet "$proxy" 2>/dev/null || true
  done
}

remove_files() {
  rm -f "$root/usr/local/lib/systemd/system/wattribute.service" "$root/usr/local/lib/systemd/system/wattribute-proxy@.service"
  rm -f "$root/etc/systemd/system/wattribute.service.d/"{processes,containers}.conf
  rmdir "$root/etc/systemd/system/wattribute.service.d" 2>/dev/null || true
  rm -f "$root/etc/udev/rules.d/60-wattribute-rapl.rules" "$root/etc/tmpfiles.d/wattribute.conf"
  rm -f "$root/usr/local/bin/wattribute" "$root/usr/local/bin/wattribute-mark"
  rm -rf "$root/usr/local/lib/wattribute"
}

# As the kernel has made them: root's alone.
close_rapl() {
  local file
  for file in /sys/class/powercap/*/energy_uj; do
    if [ -e "$file" ]; then chgrp root "$file" && chmod g-r "$file"; fi
  done
}

reload_rules() {
  systemctl daemon-reload
  command -v udevadm >/dev/null && udevadm control --reload || true
}

remove_all() {
  rm -rf "$root/etc/wattribute" "$root/var/lib/wattribute"
  [ "$staged" = no ] || return 0
  rm -rf /run/wattribute /run/wattribute-jobs
  ! getent passwd wattribute >/dev/null || userdel wattribute
  ! getent group wattribute >/dev/null || groupdel wattribute
}

if [ "$staged" = no ] && [ -d /run/systemd/system ]; then step 'stop it, now and with the machine' stop_services; fi
step "remove the program, units and rules below ${root:-/}" remove_files
if [ "$staged" = no ]; then
  step 'leave the energy counters of the processors to root' close_rapl
  if [ -d /run/systemd/system ]; then step 'let systemd and udev read what is left' reload_rules; fi
fi
if [ "$purge" = yes ]; then step 'remove settings, books and the user' remove_all
else echo "settings and books stay in $root/etc/wattribute and $root/var/lib/wattribute (--purge removes them)"
fi
