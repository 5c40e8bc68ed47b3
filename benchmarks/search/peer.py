"""Another tool's search, in a process of its own: it reads a seed and answers with what it has found."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from benchmarks.service.servers import OtherServer

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""Two processes train on two cores."""
END_SECONDS = 30


class PeerFailed(RuntimeError):
    """The program of another tool ended. The text is its standard error."""


class Peer:
    """A running program. `search` asks it for one search."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def search(self, seed: int) -> dict[str, Any]:
        """The seconds of a search, and the predictions of its best model. Raises PeerFailed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{seed}\n".encode())
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise PeerFailed
        found: dict[str, Any] = json.loads(answer)
        return found


@contextmanager
def running_peer(command: Sequence[str]) -> Iterator[Peer]:
    """Run a program for as long as the context lasts. It ends by itself when its input does."""
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=os.environ | ONE_THREAD,
            start_new_session=True,
        )
        try:
            yield Peer(process)
        except (PeerFailed, BrokenPipeError):
            log.seek(0)
            raise PeerFailed(f"{' '.join(command)}\n{log.read()[-2000:]}") from None
        finally:
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    try:
        process.communicate(timeout=END_SECONDS)
    except subprocess.TimeoutExpired:
        OtherServer(process).end()
