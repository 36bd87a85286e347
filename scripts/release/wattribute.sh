#!/bin/sh
# Starts Wattribute with the Node that came with it, or else with that of the system.
home=$(dirname "$(dirname "$(readlink -f "$0")")")
node=$home/node/bin/node
[ -x "$node" ] || node=node
exec "$node" --max-semi-space-size=1 "$home/lib/exporter/dist/cli.js" "$@"
