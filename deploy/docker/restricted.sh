#!/bin/sh
# Runs the exporter in a container without root and without capabilities. What it does not see then is in
# docs/guides/docker.md, and `docker exec wattribute wattribute doctor` says it.
# Words and settings as of full.sh.
set -eu
marks=${MARKS:-/run/wattribute}
# Only in a folder of its own may its user make the socket.
[ "$(id -u)" -ne 0 ] || install -d -o 65532 -g 65532 "$marks"
if [ -n "${CONFIG:-}" ]; then
  OPTIONS="${OPTIONS:-} --volume=$CONFIG:/etc/wattribute:ro --env=WATTRIBUTE_CONFIG_FILE=/etc/wattribute/config.yaml"
fi
# shellcheck disable=SC2086 # OPTIONS are words
exec "${DOCKER:-docker}" run --detach --name="${NAME:-wattribute}" --restart=unless-stopped \
  --user=65532:65532 --cap-drop=ALL \
  --security-opt=no-new-privileges --read-only \
  --pid=host --cgroupns=host --network=host \
  --volume="${HOST:-}/etc/passwd:/host/etc/passwd:ro" --volume="${SYS:-/sys}:/host/sys:ro" \
  --volume="${STATE:-wattribute}:/var/lib/wattribute" --volume="$marks:/run/wattribute" \
  --env=WATTRIBUTE_PATH_ROOTFS=/host --env=WATTRIBUTE_PATH_SYSFS=/host/sys \
  --env=WATTRIBUTE_WEB_LISTEN_ADDRESS="${LISTEN:-:10451}" \
  ${OPTIONS:-} "${IMAGE:-wattribute:0.1.0}" "$@"
