"""What is to be said: open phases, and lines that wait. Bounded. Pure: no socket, no clock, no lock."""

from __future__ import annotations

from collections import deque
from typing import Deque, Dict, List, Optional, Sequence, Tuple

from . import _lines

# The exporter keeps no more open phases of one process.
MOST_OPEN = 16
# Phases that are reported, and models, between two lines about them.
MOST_SUMS = 64


class OpenPhase:
    """One phase that has begun; each is an object of its own, since names may repeat."""

    def __init__(self, name: str) -> None:
        self.name = name


class Book:
    """Changes of phases become lines at once; what only adds up is added up until `pour`."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._lines: Deque[str] = deque()
        self._open: List[OpenPhase] = []
        self._steps = 0
        self._samples = 0
        self._reports: Dict[str, Tuple[float, int]] = {}
        self._queries: Dict[Optional[str], Tuple[int, int, int, int]] = {}
        # The outermost phase that the exporter may believe in, to be taken back.
        self._believed: Optional[str] = None
        # The exporter may believe in other phases than those that are open.
        self._is_astray = False
        self._has_lost_run = False
        self.dropped = 0

    @property
    def has_lines(self) -> bool:
        has_to_say_anew = self._is_astray and (self._has_lost_run or self._believed is not None)
        return len(self._lines) > 0 or has_to_say_anew

    @property
    def has_sums(self) -> bool:
        return bool(self._steps or self._samples or self._reports or self._queries)

    @property
    def is_open(self) -> bool:
        return len(self._open) > 0

    @property
    def open_names(self) -> List[str]:
        return [one.name for one in self._open]

    def set(self, phase: str, now: float) -> None:
        self.pour()
        self._open = [OpenPhase(phase)]
        self._mark(f"phase={phase}", now)

    def begin(self, phase: str, now: float) -> Optional[OpenPhase]:
        """None: more are open than the exporter takes."""
        if len(self._open) >= MOST_OPEN:
            self.dropped += 1
            return None
        self.pour()
        one = OpenPhase(phase)
        self._open.append(one)
        self._mark(f"begin={phase}", now)
        return one

    def end(self, one: OpenPhase, now: float) -> None:
        """Ends this one alone: others may have begun inside it in another thread."""
        if one not in self._open:
            return
        self.pour()
        is_innermost = self._open[-1] is one
        self._open.remove(one)
        if is_innermost:
            self._mark(f"end={one.name}", now)
        else:
            for line in self._restated():
                self._mark(line, now)

    def end_innermost(self, name: Optional[str], now: float) -> None:
        """As a line `end` or `end=NAME` is understood."""
        names = self.open_names
        if not names or (name is not None and name not in names):
            return
        self.pour()
        index = len(names) - 1 if name is None else len(names) - 1 - names[::-1].index(name)
        del self._open[index:]
        self._mark(f"end={names[index]}", now)

    def run_start(self, phase: Optional[str], now: float) -> None:
        self.pour()
        if phase is None:
            self._mark("run=start", now)
        else:
            self._open = [OpenPhase(phase)]
            self._mark(f"run=start phase={phase}", now)

    def done(self, steps: int, samples: int) -> None:
        self._steps += steps
        self._samples += samples
        if self._steps > _lines.MOST_STEPS // 2 or self._samples > _lines.MOST_SAMPLES // 2:
            self.pour()

    def report(self, phase: str, seconds: float, n: int) -> None:
        if phase not in self._reports and len(self._reports) >= MOST_SUMS:
            self.dropped += 1
            return
        known, repeated = self._reports.get(phase, (0.0, 0))
        self._reports[phase] = (
            min(known + seconds, _lines.LONGEST_REPORT_SECONDS),
            min(repeated + n, _lines.MOST_STEPS),
        )

    def count(self, model: Optional[str], counts: Tuple[int, int, int, int]) -> None:
        if model not in self._queries and len(self._queries) >= MOST_SUMS:
            self.dropped += 1
            return
        known = self._queries.get(model, (0, 0, 0, 0))
        tokens = [min(a + b, _lines.MOST_TOKENS) for a, b in zip(known[1:], counts[1:])]
        self._queries[model] = (min(known[0] + counts[0], _lines.MOST_QUERIES), tokens[0], tokens[1], tokens[2])

    def pour(self) -> None:
        """Makes lines of all that was added up: it belongs to the phase that is still open."""
        for phase, (seconds, n) in self._reports.items():
            self._add(_lines.report_line(phase, seconds, n))
        for model, counts in self._queries.items():
            self._add(_lines.queries_line(model, *counts))
        if self._steps or self._samples:
            self._add(_lines.done_line(self._steps, self._samples))
        self._reports.clear()
        self._queries.clear()
        self._steps = self._samples = 0

    def take(self, most: int) -> List[str]:
        """The next lines, oldest first. When marks were lost, the last of them say what is open now."""
        taken = [self._lines.popleft() for _ in range(min(most, len(self._lines)))]
        if not self._lines and self._is_astray:
            taken += self._said_anew()
        return taken

    def forget(self, under_way: Sequence[str] = ()) -> None:
        """Nobody listens: what waits and what was under way is dropped and counted. Open phases are said again."""
        self.pour()
        lost = [*under_way, *self._lines]
        self._lines.clear()
        self.dropped += len(lost)
        self._has_lost_run = self._has_lost_run or any(line.startswith("run=") for line in lost)
        self._is_astray = True

    def _said_anew(self) -> List[str]:
        lines = (["run=start"] if self._has_lost_run else []) + self._restated()
        self._has_lost_run = self._is_astray = False
        return lines

    def _restated(self) -> List[str]:
        if self._open:
            first, *others = self.open_names
            return [f"phase={first}", *(f"begin={name}" for name in others)]
        # There is no line that ends all: what is set and ended leaves nothing.
        return [] if self._believed is None else [f"phase={self._believed}", f"end={self._believed}"]

    def _mark(self, line: str, now: float) -> None:
        if self._open:
            self._believed = self._open[0].name
        if not self._add(_lines.at(line, now)):
            self._is_astray = True
            self._has_lost_run = self._has_lost_run or line.startswith("run=")

    def _add(self, line: str) -> bool:
        if len(self._lines) >= self._capacity:
            self.dropped += 1
            return False
        self._lines.append(line)
        return True
