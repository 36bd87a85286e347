#!/bin/sh
# Runs the exporter in a container that measures all there is: as root, with the few capabilities that looking takes,
# and nothing else. What each gives, and what the container can do with it: docs/guides/docker.md.
# Words are flags of the exporter. Settings, from the environment:
#   DOCKER   docker, or podman             CONFIG  a folder with config.yaml
#   IMAGE    wattribute:0.1.0              STATE   a volume or folder for the books
#   NAME     of the container              MARKS   the folder of the socket for marks, which jobs mount too
#   LISTEN   :10451, all addresses         HOST, SYS  the root and the /sys of the machine
#   OPTIONS  further words for `docker run`, such as --gpus=all
set -eu
marks=${MARKS:-/run/wattribute}
[ -d "$marks" ] || install -d "$marks" 2>/dev/null || true # else Docker makes it, and Podman says that it is missing
if [ -n "${CONFIG:-}" ]; then
  OPTIONS="${OPTIONS:-} --volume=$CONFIG:/etc/wattribute:ro --env=WATTRIBUTE_CONFIG_FILE=/etc/wattribute/config.yaml"
fi
# shellcheck disable=SC2086 # OPTIONS are words
exec "${DOCKER:-docker}" run --detach --name="${NAME:-wattribute}" --restart=unless-stopped \
  --user=0:0 --cap-drop=ALL \
  --cap-add=DAC_READ_SEARCH \
  --cap-add=SYS_PTRACE \
  --security-opt=no-new-privileges --read-only \
  --pid=host --cgroupns=host --network=host \
  --volume="${HOST:-/}:/host:ro" --volume="${SYS:-/sys}:/host/sys:ro" \
  --volume="${STATE:-wattribute}:/var/lib/wattribute" --volume="$marks:/run/wattribute" \
  --env=WATTRIBUTE_PATH_ROOTFS=/host --env=WATTRIBUTE_PATH_SYSFS=/host/sys \
  --env=WATTRIBUTE_WEB_LISTEN_ADDRESS="${LISTEN:-:10451}" \
  ${OPTIONS:-} "${IMAGE:-wattribute:0.1.0}" "$@"
