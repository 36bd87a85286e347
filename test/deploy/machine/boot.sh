#!/usr/bin/env bash
# Boots a machine with a systemd of its own out of this one's files, until it gets SIGTERM: boot.sh FOLDER SHARED
# What it writes lies in memory; it has no network but the loopback, its own processes and its own control groups.
# SHARED is seen inside as /shared.
set -euo pipefail
folder=$1 shared=$2
here=$(cd "$(dirname "$0")" && pwd)
name=wattribute-machine-$$

# Groups that become the roots of its control groups.
trees=()
for procs in /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/*/cgroup.procs; do
  [ ! -e "$procs" ] || trees+=("${procs%/cgroup.procs}")
done
# The machine's last processes end some moments after its first.
leave() {
  for tree in "${trees[@]}"; do
    echo $$ >"$tree/cgroup.procs" || true
    for _ in {1..50}; do
      find "$tree/$name" -depth -type d -exec rmdir {} + 2>/dev/null && break
      sleep 0.1
    done
  done
}
trap leave EXIT
for tree in "${trees[@]}"; do
  mkdir "$tree/$name"
  for file in cpuset.cpus cpuset.mems; do
    [ ! -e "$tree/$name/$file" ] || [ ! -e "$tree/$file" ] || cat "$tree/$file" >"$tree/$name/$file"
  done
  echo $$ >"$tree/$name/cgroup.procs"
done

unshare --mount --pid --fork --uts --ipc --net --cgroup --kill-child bash "$here/init.sh" "$folder" "$shared" &
machine=$!
trap 'kill -KILL $machine' TERM
wait $machine || true
wait $machine || true
