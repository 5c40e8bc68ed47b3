"""A proxy in front of a Unix socket that delays and breaks connections, as a bad network does."""

import random
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

CHUNK_BYTES = 65_536


class NetworkProxy:
    """Forwards connections to `target`. Each chunk waits for `latency` seconds; a share `loss` of them comes late.

    TCP sends a lost packet again, so to the programs it is a delay: that of the retransmission, `RETRANSMISSION`.
    Delays keep the order, and a chunk that waits does not hold up the reading of the next one.
    """

    RETRANSMISSION = 0.4

    def __init__(self, listen: Path, target: Path, *, latency: float = 0.0, loss: float = 0.0) -> None:
        self.target, self.latency, self.loss = target, latency, loss
        self._random = random.Random(0)
        self._pairs: set[socket.socket] = set()
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(listen))
        listen.chmod(0o777)
        self._listening.listen(200)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Accept nothing more, and break all connections."""
        self._listening.close()
        self.break_connections()

    def break_connections(self) -> None:
        for each in list(self._pairs):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                ours, _ = self._listening.accept()
            except OSError:
                return
            theirs = socket.socket(socket.AF_UNIX)
            try:
                theirs.connect(str(self.target))
            except OSError:
                ours.close()
                continue
            self._pairs |= {ours, theirs}
            for source, sink in ((ours, theirs), (theirs, ours)):
                threading.Thread(target=self._forward, args=(source, sink), daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        """Read one direction; a second thread writes what has waited long enough."""
        waiting: list[tuple[float, bytes]] = []
        changed = threading.Condition()
        threading.Thread(target=self._write, args=(sink, waiting, changed), daemon=True).start()
        while True:
            try:
                chunk = source.recv(CHUNK_BYTES)
            except OSError:
                chunk = b""
            with changed:
                waiting.append((time.monotonic() + self._delay(), chunk))
                changed.notify()
            if not chunk:
                return

    def _delay(self) -> float:
        return self.latency + (self.RETRANSMISSION if self._random.random() < self.loss else 0.0)

    def _write(
        self, sink: socket.socket, waiting: list[tuple[float, bytes]], changed: threading.Condition
    ) -> None:
        while True:
            with changed:
                changed.wait_for(lambda: bool(waiting))
                due, chunk = waiting.pop(0)
            time.sleep(max(0.0, due - time.monotonic()))
            with suppress(OSError):
                if chunk:
                    sink.sendall(chunk)
                    continue
                sink.shutdown(socket.SHUT_RDWR)
            self._pairs.discard(sink)
            sink.close()
            return
