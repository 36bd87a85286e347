"""A socket that keeps what it is told, in place of an exporter."""

import os
import socket
import tempfile
import threading


class Listener:
    def __init__(self, path=None):
        self.path = path or os.path.join(tempfile.mkdtemp(prefix="wattribute-client-"), "marks.sock")
        self.lines = []
        # The connection that brought each line.
        self.senders = []
        self._changed = threading.Condition()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(self.path)
        self._socket.listen()
        self._connections = []
        threading.Thread(target=self._welcome, daemon=True).start()

    def _welcome(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._connections.append(connection)
            threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection):
        try:
            with connection.makefile() as lines:
                for line in lines:
                    with self._changed:
                        self.lines.append(line.rstrip("\n").partition(" t=")[0])
                        self.senders.append(id(connection))
                        self._changed.notify_all()
            connection.close()
        except (OSError, ValueError):
            pass

    def answer(self, text):
        for connection in self._connections:
            connection.sendall(text.encode())

    def wait_for(self, line, seconds=30):
        """Raises where the line does not come."""
        with self._changed:
            if not self._changed.wait_for(lambda: line in self.lines, seconds):
                raise AssertionError(f"no line {line!r} among {self.lines}")

    def end(self):
        """As an exporter that is killed."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        os.unlink(self.path)
