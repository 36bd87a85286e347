#!/bin/sh
# Prolog of Slurm (slurm.conf: Prolog=), as root on each node: opens the job's file for the Wattribute exporter, which
# is started with --marks.job-directory=/run/wattribute-jobs. The job is in the phase `init` until it says another.
# It never fails: a prolog that does drains the node.
jobs=${WATTRIBUTE_JOBS:-/run/wattribute-jobs}
case "${SLURM_JOB_ID:-}" in
'' | *[!0-9]*) exit 0 ;;
esac
[ -d "$jobs" ] || mkdir -m 755 "$jobs" 2>/dev/null || exit 0
# Written beside it and moved, so that it is never read half written and no link is followed.
new=$(mktemp "$jobs/.new-XXXXXX" 2>/dev/null) || exit 0
if echo 'run=start phase=init' >"$new" && chmod 644 "$new"; then
  mv -f "$new" "$jobs/$SLURM_JOB_ID" || rm -f "$new"
else
  rm -f "$new"
fi
exit 0
