"""Tells the Wattribute exporter what a process is doing, so that energy is counted by phase.

    import wattribute

    wattribute.run_start()
    with wattribute.phase("train"):
        for batch in batches:
            train(batch)
            wattribute.step(samples=len(batch))

Lines go to the Unix socket of the exporter on this machine (`WATTRIBUTE_MARKS_SOCKET`, by default
/run/wattribute/marks.sock) from a thread of their own. No call waits for it, and none raises: where nobody listens,
lines are dropped and counted. What is wrong is logged once, as `wattribute`.
"""

from __future__ import annotations

from ._client import DEFAULT_SOCKET, Client, Phase

__all__ = [
    "DEFAULT_SOCKET",
    "Client",
    "Phase",
    "begin",
    "close",
    "counts",
    "end",
    "phase",
    "queries",
    "report",
    "run_start",
    "samples",
    "set_phase",
    "step",
]

# Of the whole process.
shared = Client()

begin = shared.begin
close = shared.close
counts = shared.counts
end = shared.end
phase = shared.phase
queries = shared.queries
report = shared.report
run_start = shared.run_start
samples = shared.samples
set_phase = shared.set_phase
step = shared.step
