#!/usr/bin/env bash
# In the new namespaces, as process 1: lays out the file systems and becomes systemd.
set -euo pipefail
folder=$1 shared=$2
root=$folder/root layer=$folder/layer
mount --make-rprivate /
mkdir -p "$root" "$layer"
mount -t tmpfs -o size=1g tmpfs "$layer"
mkdir "$layer/upper" "$layer/work"
mount -t overlay -o "lowerdir=/,upperdir=$layer/upper,workdir=$layer/work" overlay "$root"

mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
else
  groups=$root/sys/fs/cgroup
  mount -t tmpfs -o mode=755 tmpfs "$groups"
  while IFS=: read -r _ tree _; do
    case $tree in
      '') mkdir "$groups/unified" && mount -t cgroup2 cgroup2 "$groups/unified" ;;
      name=*) mkdir "$groups/${tree#name=}" && mount -t cgroup -o "none,$tree" cgroup "$groups/${tree#name=}" ;;
      *) mkdir "$groups/$tree" && mount -t cgroup -o "$tree" cgroup "$groups/$tree" ;;
    esac
  done </proc/self/cgroup
fi

# The devices of a container, and no others: this machine's stay as they are.
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for node in null zero full random urandom tty; do
  touch "$root/dev/$node"
  mount --bind "/dev/$node" "$root/dev/$node"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mkdir -p "$root/shared"
mount --bind "$shared" "$root/shared"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"

# A machine that is new: without Node, without this project, and with no service but the journal.
rm -rf "$root/usr/bin/node" "$root/usr/local/bin/node" "$root/usr/local/bin/wattribute" "$root/usr/local/lib/wattribute"
rm -rf "$root/usr/local/lib/systemd" "$root/etc/wattribute" "$root/var/lib/wattribute" "$root/etc/systemd/system"
rm -f "$root/.dockerenv" "$root/etc/udev/rules.d/60-wattribute-rapl.rules"
mkdir -p "$root/etc/systemd/system" "$root/run/machine"
for unit in systemd-journald.service systemd-journald.socket systemd-journald-dev-log.socket shutdown.target umount.target \
  network.target multi-user.target; do
  cp "/lib/systemd/system/$unit" "$root/run/machine/"
done
cat >"$root/run/machine/sysinit.target" <<'UNIT'
[Unit]
DefaultDependencies=no
Wants=systemd-journald.service
After=systemd-journald.service
UNIT
cat >"$root/run/machine/basic.target" <<'UNIT'
[Unit]
Requires=sysinit.target
After=sysinit.target
UNIT
busybox ip link set lo up
# Not by chroot, inside which the kernel makes no user namespaces.
mkdir "$root/run/before"
cd "$root"
pivot_root . run/before
exec env -i container=machine PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  SYSTEMD_UNIT_PATH=/etc/systemd/system:/run/machine:/usr/local/lib/systemd/system \
  sh -c 'umount --lazy /run/before && rmdir /run/before &&
    exec /lib/systemd/systemd --system --unit=multi-user.target --log-target=journal --show-status=no'
