"""Lines of the exporter's grammar (docs/guides/phases.md). Pure: no socket, no clock."""

from __future__ import annotations

import math
import re
from typing import Optional

_PHASE = re.compile(r"[a-z0-9_.-]{1,40}(?:/[a-z0-9_.-]{1,40}){0,2}")
_MODEL = re.compile(r"[\x21-\x7e]{1,128}")
# The most that the exporter takes on one line.
MOST_STEPS = 10**9
MOST_SAMPLES = 10**12
MOST_QUERIES = 10**9
MOST_TOKENS = 10**12
LONGEST_REPORT_SECONDS = 86_400.0


class Unsayable(Exception):
    """A value that no line can hold. It never leaves the package."""


def phase_name(name: object) -> str:
    """The name as the exporter writes it, in lower case.

    Raises:
        Unsayable: it is not up to three parts of a-z 0-9 _ . - with / between them.
    """
    text = name.lower() if isinstance(name, str) else ""
    if _PHASE.fullmatch(text) is None:
        raise Unsayable(f"{name!r:.80} is no name of a phase")
    return text


def model_name(name: object) -> str:
    """Raises Unsayable where it is not up to 128 printable ASCII characters."""
    if not isinstance(name, str) or _MODEL.fullmatch(name) is None:
        raise Unsayable(f"{name!r:.80} is no name of a model")
    return name


def whole(value: object, most: int) -> int:
    """A count, also from numbers of other libraries. Raises Unsayable."""
    try:
        number = int(value)  # type: ignore[call-overload]
        if number == value and 0 <= number <= most:
            return number
    except Exception:
        pass
    raise Unsayable(f"{value!r:.80} is not a whole number from 0 to {most}")


def duration(value: object) -> float:
    """Seconds, also from numbers of other libraries. Raises Unsayable."""
    try:
        number = float(value)  # type: ignore[arg-type]
        if math.isfinite(number) and 0 <= number <= LONGEST_REPORT_SECONDS:
            return number
    except Exception:
        pass
    raise Unsayable(f"{value!r:.80} is not a number of seconds from 0 to 86400")


def at(line: str, unix_seconds: float) -> str:
    """The line, with when it happened."""
    return f"{line} t={unix_seconds:.6f}"


def done_line(steps: int, samples: int) -> str:
    """What was done in the present phase."""
    words = ([f"step={steps}"] if steps else []) + ([f"samples={samples}"] if samples else [])
    return " ".join(words)


def report_line(phase: str, seconds: float, n: int) -> str:
    return f"phase={phase} dur={seconds:.9f} n={n}"


def queries_line(
    model: Optional[str], queries: int, input_tokens: int, cached_input_tokens: int, output_tokens: int
) -> str:
    line = (
        f"queries={queries} input_tokens={input_tokens}"
        f" cached_input_tokens={cached_input_tokens} output_tokens={output_tokens}"
    )
    return line if model is None else f"{line} model={model}"
