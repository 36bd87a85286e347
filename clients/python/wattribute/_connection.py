"""The Unix socket of the exporter, as the sending thread sees it."""

from __future__ import annotations

import select
import socket
import time
from typing import Callable, Optional

# An exporter reads at once; one that does not for so long is taken for dead.
LONGEST_STALL_SECONDS = 10.0
_LONGEST_ANSWER = 4096


class Lost(Exception):
    """Nobody listens, or nobody does any more."""


class Connection:
    """One connection, of the process that has made it. Only its sending thread may wait for it."""

    def __init__(self, path: str) -> None:
        """Raises Lost."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._answers = b""
        try:
            self._socket.setblocking(False)
            self._socket.connect(path)
        except (OSError, ValueError) as cause:
            self._socket.close()
            raise Lost(f"{path}: {cause}") from None

    def send(self, text: str, is_urgent: Callable[[], bool]) -> None:
        """Sends all of it, at the pace of the exporter, or raises Lost. `is_urgent`: no time is left to wait."""
        rest = memoryview(text.encode("ascii"))
        patience = time.monotonic() + LONGEST_STALL_SECONDS
        while rest:
            try:
                rest = rest[self._socket.send(rest) :]
                patience = time.monotonic() + LONGEST_STALL_SECONDS
            except (BlockingIOError, InterruptedError):
                if is_urgent() or time.monotonic() > patience:
                    raise Lost("the exporter does not read") from None
                self._wait(write=True, seconds=0.1)
            except (OSError, ValueError) as cause:
                raise Lost(str(cause)) from None

    def refusal(self) -> Optional[str]:
        """A line that the exporter has answered with, if there is one. Raises Lost where it has ended."""
        while b"\n" not in self._answers:
            try:
                received = self._socket.recv(_LONGEST_ANSWER)
            except (BlockingIOError, InterruptedError):
                return None
            except (OSError, ValueError) as cause:
                raise Lost(str(cause)) from None
            if received == b"":
                raise Lost("the exporter has closed the connection")
            self._answers = (self._answers + received)[-_LONGEST_ANSWER:]
        line, _, self._answers = self._answers.partition(b"\n")
        return line.decode("utf-8", "replace")

    def finish(self, seconds: float) -> None:
        """Says that nothing follows, and waits until the exporter has read all: who ends earlier is not believed."""
        until = time.monotonic() + seconds
        try:
            self._socket.shutdown(socket.SHUT_WR)
            while time.monotonic() < until:
                self.refusal()
                self._wait(write=False, seconds=max(0.0, until - time.monotonic()))
        except (Lost, OSError, ValueError):
            pass
        self.close()

    def close(self) -> None:
        self._socket.close()

    def _wait(self, write: bool, seconds: float) -> None:
        poll = select.poll()  # select() itself takes no descriptors above 1023
        poll.register(self._socket, select.POLLOUT if write else select.POLLIN)
        poll.poll(seconds * 1000)
