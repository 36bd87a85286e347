"""What training code calls. Nothing here waits for the exporter, and nothing raises."""

from __future__ import annotations

import atexit
import functools
import inspect
import logging
import os
import threading
import time
import weakref
from typing import Any, Callable, Dict, List, Optional, Set, Tuple, TypeVar

from . import _lines
from ._book import Book, OpenPhase
from ._connection import Connection, Lost
from ._lines import Unsayable

DEFAULT_SOCKET = "/run/wattribute/marks.sock"

_log = logging.getLogger("wattribute")
_log.addHandler(logging.NullHandler())

_CAPACITY_LINES = 1024
_LINES_AT_ONCE = 128
# What adds up is said so often.
_POUR_EVERY_SECONDS = 1.0
# Well below the ten minutes for which the exporter believes in a phase.
_REFRESH_EVERY_SECONDS = 60.0
# An exporter that was started anew is noticed so soon, while a phase is open.
_LOOK_EVERY_SECONDS = 5.0
_SHORTEST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
_CLOSE_SECONDS = 1.0
_MOST_SENTENCES = 100

Function = TypeVar("Function", bound=Callable[..., Any])


class Client:
    """One sender of marks. The functions of the package are those of one that all share.

    Args:
        path: of the exporter's socket; by default `WATTRIBUTE_MARKS_SOCKET`, else /run/wattribute/marks.sock.
        capacity: lines that may wait; beyond that they are dropped and counted.
    """

    def __init__(self, path: Optional[str] = None, capacity: int = _CAPACITY_LINES) -> None:
        self._path = path or os.environ.get("WATTRIBUTE_MARKS_SOCKET") or DEFAULT_SOCKET
        self._capacity = capacity
        self._begin_anew()
        _clients.add(self)

    def _begin_anew(self) -> None:
        self._book = Book(self._capacity)
        self._changed = threading.Condition()  # its lock may be taken again, by a handler of a signal
        self._thread: Optional[threading.Thread] = None
        self._connection: Optional[Connection] = None
        self._pid = os.getpid()
        self._pour_at: Optional[float] = None
        self._close_at: Optional[float] = None
        self._is_closed = False
        self._sent = 0
        self._refused = 0
        self._told: Set[str] = set()

    def __reduce__(self) -> Tuple[Any, ...]:
        """Libraries copy callbacks and send them to workers: each process has one sender for a socket."""
        return _sender_to, (self._path, self._capacity)

    def phase(self, name: str) -> "Phase":
        """A phase inside the present one, as `with wattribute.phase('eval'):` or as a decorator.

        Phases are those of the process: threads share them.
        """
        return Phase(self, name)

    def set_phase(self, name: str) -> None:
        """From now on in this phase, in place of all that were open."""
        self._do(lambda: self._book.set(_lines.phase_name(name), time.time()))

    def begin(self, name: str) -> Optional[OpenPhase]:
        """Into a phase inside the present one, until `end`. Prefer `phase`, which ends by itself."""
        opened: List[Optional[OpenPhase]] = [None]

        def act() -> None:
            opened[0] = self._book.begin(_lines.phase_name(name), time.time())

        self._do(act)
        return opened[0]

    def end(self, name: Optional[str] = None) -> None:
        """Out of the innermost phase, or out of this one and all inside it."""
        self._do(
            lambda: self._book.end_innermost(None if name is None else _lines.phase_name(name), time.time())
        )

    def end_opened(self, opened: OpenPhase) -> None:
        """Out of what `begin` has returned, and of that alone."""
        self._do(lambda: self._book.end(opened, time.time()))

    def step(self, count: int = 1, samples: int = 0) -> None:
        """Steps done in the present phase, and samples worked on in them."""
        self._do(
            lambda: self._book.done(
                _lines.whole(count, _lines.MOST_STEPS), _lines.whole(samples, _lines.MOST_SAMPLES)
            )
        )

    def samples(self, count: int) -> None:
        """Samples worked on in the present phase."""
        self.step(0, count)

    def report(self, phase: str, seconds: float, n: int = 1) -> None:
        """So many seconds went into a part of a step, such as `train/forward`, since the report before.

        Call it as often as you like: reports are added up and said once a second.

        Args:
            n: how many times it was done in these seconds.
        """
        self._do(
            lambda: self._book.report(
                _lines.phase_name(phase), _lines.duration(seconds), _lines.whole(n, _lines.MOST_STEPS)
            )
        )

    def run_start(self, phase: Optional[str] = None) -> None:
        """A new run begins; with a phase, in it."""
        self._do(
            lambda: self._book.run_start(None if phase is None else _lines.phase_name(phase), time.time())
        )

    def queries(
        self,
        count: int = 1,
        *,
        input_tokens: int = 0,
        output_tokens: int = 0,
        cached_input_tokens: int = 0,
        model: Optional[str] = None,
    ) -> None:
        """Queries that were answered since the call before; cached tokens are a part of the input."""

        def act() -> None:
            read = _lines.whole(input_tokens, _lines.MOST_TOKENS)
            cached = _lines.whole(cached_input_tokens, _lines.MOST_TOKENS)
            if cached > read:
                raise Unsayable("cached_input_tokens is a part of input_tokens and cannot be more")
            counts = (
                _lines.whole(count, _lines.MOST_QUERIES),
                read,
                cached,
                _lines.whole(output_tokens, _lines.MOST_TOKENS),
            )
            self._book.count(None if model is None else _lines.model_name(model), counts)

        self._do(act)

    def counts(self) -> Dict[str, int]:
        """Lines `sent`, `dropped` for want of an exporter that reads them, and `refused` by it."""
        return {"sent": self._sent, "dropped": self._book.dropped, "refused": self._refused}

    def close(self, seconds: float = _CLOSE_SECONDS) -> None:
        """Sends what waits and disconnects, in at most so many seconds. Called when the process exits."""
        try:
            if self._pid != os.getpid():
                return
            with self._changed:
                self._is_closed = True
                self._close_at = time.monotonic() + max(0.0, seconds)
                thread = self._thread
                self._changed.notify()
            if thread is not None:
                thread.join(max(0.0, seconds) + 0.5)
        except Exception as cause:
            self._tell(cause)

    def _do(self, act: Callable[[], None]) -> None:
        """Writes into the book, and wakes the sending thread."""
        try:
            if self._pid != os.getpid():
                self._begin_anew()
            with self._changed:
                if self._is_closed:
                    self._book.dropped += 1
                    return
                act()
                if self._book.has_sums and self._pour_at is None:
                    self._pour_at = time.monotonic() + _POUR_EVERY_SECONDS
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="wattribute", daemon=True)
                    self._thread.start()
                self._changed.notify()
        except Unsayable as cause:
            self._book.dropped += 1
            self._tell(cause)
        except Exception as cause:
            self._tell(cause)

    def _tell(self, cause: object) -> None:
        """Each sentence once, and at most so many: a loop that is wrong is wrong again and again."""
        sentence = str(cause)
        if sentence in self._told or len(self._told) >= _MOST_SENTENCES:
            return
        self._told.add(sentence)
        _log.warning("%s", sentence)

    # What follows runs in the sending thread.

    def _run(self) -> None:
        pause = _SHORTEST_PAUSE_SECONDS
        while True:
            try:
                self._connection = Connection(self._path)
                pause = _SHORTEST_PAUSE_SECONDS
                self._serve(self._connection)
                return
            except Lost as cause:
                _log.debug("no exporter takes marks: %s", cause)
            except Exception as cause:
                self._tell(cause)
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            if not self._rest(pause):
                return
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _rest(self, pause: float) -> bool:
        """Waits until the next attempt; what is said meanwhile is dropped. False: the client was closed."""
        until = time.monotonic() + pause
        with self._changed:
            while True:
                self._book.forget()
                self._pour_at = None
                if self._is_closed:
                    return False
                if time.monotonic() >= until:
                    return True
                self._changed.wait(until - time.monotonic())

    def _serve(self, connection: Connection) -> None:
        """Until the client is closed. Raises Lost."""
        said_at = time.monotonic()
        while True:
            lines = self._next_lines(said_at)
            self._say(connection, lines)
            if lines:
                said_at = time.monotonic()
            with self._changed:
                is_done = self._is_closed and not self._book.has_lines and not self._book.has_sums
            if is_done:
                connection.finish(self._left())
                return

    def _next_lines(self, said_at: float) -> List[str]:
        """Waits until there is something to say, or to look at."""
        with self._changed:
            look_at = time.monotonic() + _LOOK_EVERY_SECONDS
            while True:
                now = time.monotonic()
                if self._is_closed or (self._pour_at is not None and now >= self._pour_at):
                    self._book.pour()
                    self._pour_at = None
                if self._book.has_lines:
                    return self._book.take(_LINES_AT_ONCE)
                if self._is_closed:
                    return []
                if not self._book.is_open:
                    self._changed.wait(None if self._pour_at is None else self._pour_at - now)
                    continue
                refresh_at = said_at + _REFRESH_EVERY_SECONDS
                if now >= refresh_at:
                    return ["refresh"]
                if now >= look_at:
                    return []
                next_at = min(refresh_at, look_at, self._pour_at or look_at)
                self._changed.wait(max(0.0, next_at - now))

    def _say(self, connection: Connection, lines: List[str]) -> None:
        try:
            self._hear(connection)
            connection.send("".join(f"{line}\n" for line in lines), lambda: self._left() <= 0)
            self._sent += len(lines)
        except Lost:
            with self._changed:
                self._book.forget(lines)
            raise

    def _hear(self, connection: Connection) -> None:
        refusal = connection.refusal()
        while refusal is not None:
            self._refused += 1
            self._tell(refusal)
            refusal = connection.refusal()

    def _left(self) -> float:
        """Seconds until the client must have closed."""
        return float("inf") if self._close_at is None else self._close_at - time.monotonic()


class Phase:
    """A phase for as long as a `with` block or a function lasts. One object may be used again and again."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._name = name
        self._opened = threading.local()

    def __enter__(self) -> "Phase":
        stack = self._opened.__dict__.setdefault("stack", [])
        stack.append(self._client.begin(self._name))
        return self

    def __exit__(self, *_: object) -> None:
        stack = self._opened.__dict__.get("stack")
        opened = stack.pop() if stack else None
        if opened is not None:
            self._client.end_opened(opened)

    def __call__(self, function: Function) -> Function:
        """Decorates a function, or a coroutine function."""
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def awaited(*words: Any, **named: Any) -> Any:
                with Phase(self._client, self._name):
                    return await function(*words, **named)

            return awaited  # type: ignore[return-value]

        @functools.wraps(function)
        def called(*words: Any, **named: Any) -> Any:
            with Phase(self._client, self._name):
                return function(*words, **named)

        return called  # type: ignore[return-value]


_clients: "weakref.WeakSet[Client]" = weakref.WeakSet()


def _sender_to(path: str, capacity: int) -> Client:
    for client in list(_clients):
        if (client._path, client._capacity, client._is_closed) == (path, capacity, False):
            return client
    return Client(path, capacity)


def _after_fork_in_child() -> None:
    """A child is covered by its workload's phases; what it says itself goes over a connection of its own."""
    for client in list(_clients):
        inherited = client._connection
        client._begin_anew()
        if inherited is not None:
            inherited.close()


def _at_exit() -> None:
    for client in list(_clients):
        client.close()


os.register_at_fork(after_in_child=_after_fork_in_child)
atexit.register(_at_exit)
