#!/usr/bin/env bash
# Installs the exporter as a service, or a newer one in its place; what it was set to and its books stay.
# As root, from an unpacked bundle, or from a clone after `npm ci && npm run build`.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: install.sh [--with=processes,containers] [--no-start] [--dry-run] [--root=FOLDER]

  --with=LIST    what it may see besides (optional/ and docs/guides/systemd.md tell the price):
                 processes   the open ports, environment and files of other users' processes
                 containers  what Docker's containers are called
                 Without this flag what was chosen before stays; --with= takes it back.
  --no-start     install, and neither start nor restart it
  --dry-run      say what would be done, and do nothing
  --root=FOLDER  put the files below a folder, for a package or an image; no user is made, nothing is started
TEXT
}

root='' dry=no start=yes with=keep
for word in "$@"; do
  case $word in
    --with=*) with=${word#--with=} ;;
    --no-start) start=no ;;
    --dry-run) dry=yes ;;
    --root=*) root=${word#--root=}; root=${root%/} ;;
    --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
done
staged=no
case " $* " in *' --root='*) staged=yes ;; esac

refuse() { echo "install.sh: $*" >&2; exit 1; }
# Says a step, and takes it unless it is a rehearsal.
step() {
  local sentence=$1
  shift
  if [ "$dry" = yes ]; then echo "would: $sentence"; else echo "$sentence"; "$@"; fi
}

units=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$units/../.." && pwd)
program=$root/usr/local/lib/wattribute
settings=$root/etc/wattribute
optional=(processes containers)

[ "$(uname -s)" = Linux ] || refuse 'it measures Linux machines only'
if [ "$staged" = yes ]; then [ -n "$root" ] || refuse '--root needs a folder other than /'
elif [ "$dry" = no ] && [ "$(id -u)" -ne 0 ]; then refuse 'run it as root, or with --dry-run or --root=FOLDER'
fi
if [ "$with" != keep ]; then
  for one in ${with//,/ }; do
    [[ " ${optional[*]} " = *" $one "* ]] || refuse "--with knows ${optional[*]}, not $one"
  done
  if [[ ",$with," = *,containers,* ]] && [ "$staged" = no ] && ! getent group docker >/dev/null; then
    refuse '--with=containers: this machine has no group docker'
  fi
fi

# A bundle brings Node. Otherwise the service takes the system's, which has to be new enough and outside of homes.
is_bundle=no
[ ! -d "$source/lib/exporter" ] || is_bundle=yes
if [ "$is_bundle" = no ] || [ ! -x "$source/node/bin/node" ]; then
  found=$(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin command -v node) ||
    refuse 'no Node in /usr/local/bin or /usr/bin, where services look: install Node 20.19 or newer, or take a bundle, which brings its own'
  case $(readlink -f "$found") in
    /root/* | /home/*) refuse "$found leads into a home folder, which services do not see: install Node for all users, or take a bundle" ;;
  esac
  "$found" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    refuse "$found is $("$found" --version); 20.19 or newer is needed"
elif ! "$source/node/bin/node" --version >/dev/null 2>&1; then
  refuse "the Node of this bundle does not run on this machine ($(uname -m)): take the bundle for its processor"
fi
[ "$is_bundle" = yes ] || [ -f "$source/exporter/dist/cli.js" ] || refuse 'the exporter is not built: npm ci && npm run build'

make_user() {
  getent group wattribute >/dev/null || groupadd --system wattribute
  getent passwd wattribute >/dev/null ||
    useradd --system --gid wattribute --no-create-home --home-dir /var/lib/wattribute --shell /usr/sbin/nologin wattribute
}

# Beside the old one first, so that an interrupted copy leaves a whole program.
put_program() {
  rm -rf "$program.new"
  mkdir -p "$program.new"
  if [ "$is_bundle" = yes ]; then
    cp -r "$source"/{bin,lib,LICENSE} "$program.new/"
    [ ! -d "$source/node" ] || cp -r "$source/node" "$program.new/"
  else
    bash "$source/scripts/release/program.sh" "$program.new"
  fi
  cp "$units/uninstall.sh" "$source/clients/shell/wattribute-mark" "$program.new/bin/"
  cp -r "$source/deploy/slurm" "$program.new/"
  chmod -R u=rwX,go=rX "$program.new"
  rm -rf "$program.old"
  [ ! -d "$program" ] || mv "$program" "$program.old"
  mv "$program.new" "$program"
  rm -rf "$program.old"
  mkdir -p "$root/usr/local/bin"
  for one in wattribute wattribute-mark; do ln -sfn "../lib/wattribute/bin/$one" "$root/usr/local/bin/$one"; done
  # Where SELinux rules, what services run has to be labelled as such.
  if [ "$staged" = no ] && command -v restorecon >/dev/null; then restorecon -R "$program" /usr/local/bin/wattribute* || true; fi
}

put_units() {
  install -D -m 644 -t "$root/usr/local/lib/systemd/system" "$units/wattribute.service" "$units/wattribute-proxy@.service"
  install -D -m 644 "$units/60-wattribute-rapl.rules" "$root/etc/udev/rules.d/60-wattribute-rapl.rules"
  install -D -m 644 "$units/wattribute.tmpfiles" "$root/etc/tmpfiles.d/wattribute.conf"
}

# Of the settings only what is missing: they are yours.
put_settings() {
  mkdir -p "$settings"
  for file in config.yaml environment; do
    [ -e "$settings/$file" ] || install -m 640 "$units/$file" "$settings/$file"
    [ "$staged" = yes ] || chgrp wattribute "$settings/$file"
  done
  chmod 750 "$settings"
  [ "$staged" = yes ] || chgrp wattribute "$settings"
}

drop_ins=$root/etc/systemd/system/wattribute.service.d
put_optional() {
  for one in "${optional[@]}"; do
    if [[ ",$with," = *",$one,"* ]]; then install -D -m 644 "$units/optional/$one.conf" "$drop_ins/$one.conf"
    else rm -f "$drop_ins/$one.conf"
    fi
  done
  rmdir "$drop_ins" 2>/dev/null || true
}

open_rapl() {
  command -v udevadm >/dev/null || return 0
  udevadm control --reload || true
  udevadm trigger --action=change --subsystem-match=powercap || true
}

is_booted() { [ -d /run/systemd/system ]; }
reload_units() { systemctl daemon-reload; }
start_service() {
  systemctl enable --quiet wattribute.service
  systemctl restart wattribute.service
}

version=$(sed -n 's/^ *"version": "\(.*\)",\?$/\1/p' "$([ "$is_bundle" = yes ] && echo "$source/lib" || echo "$source")/exporter/package.json" | head -n 1)
if [ "$staged" = no ]; then step 'make the system user wattribute, unless it is there' make_user; fi
step "put wattribute $version into $program, with links to wattribute and wattribute-mark in $root/usr/local/bin" put_program
step "put units into $root/usr/local/lib/systemd/system, a rule into $root/etc/udev/rules.d, a folder for job files into $root/etc/tmpfiles.d" put_units
step "put what is missing into $settings" put_settings
[ "$with" = keep ] || step "let it see besides: ${with:-nothing}" put_optional
if [ "$staged" = no ]; then
  step 'let its group read the energy counters of the processors' open_rapl
  if ! is_booted; then echo 'systemd does not run here: nothing is started'
  else
    step 'make the folder for job files' systemd-tmpfiles --create "$root/etc/tmpfiles.d/wattribute.conf"
    step 'let systemd read its units' reload_units
    if [ "$start" = yes ]; then
      step 'start it, now and with the machine' start_service
      [ "$dry" = yes ] || echo 'it serves http://localhost:10451/ unless /etc/wattribute says otherwise; what it can see: sudo -u wattribute wattribute doctor'
    fi
  fi
fi
