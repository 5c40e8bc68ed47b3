"""Shares a linear baseline between runs on the same data: one process fits it, and the other runs read it.

A file in the folder of the prepared parts stores it. During the fit the process locks another file. The kernel
releases that lock when the process ends, so a worker that is killed during the fit does not block the others.
"""

import fcntl
import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from workers.data.dataset_files import write_atomically
from workers.evaluation.baselines import Baseline

log = logging.getLogger("holdout.worker")

VERSION = 4
"""The version of the fit. Increase it if the same rows would give other figures."""


class SharedBaseline:
    """A linear baseline for one folder of prepared parts, and all that its figures depend on besides."""

    def __init__(self, parts: Path, depends_on: dict[str, Any]) -> None:
        key = json.dumps({"version": VERSION, **depends_on}, sort_keys=True)
        name = f"linear-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
        self._file, self._lock = parts / f"{name}.json", parts / f"{name}.lock"

    def get(self, fit: Callable[[], Baseline], *, wait: bool) -> Baseline | None:
        """Read the baseline, or fit and store it if it does not exist yet.

        While another process fits it, returns None, or with `wait` waits for that process.
        """
        found = self._read()
        if found is not None:
            return found
        with self._lock_fit(wait=wait) as locked:
            return self._read() or self._fit(fit) if locked else None

    def _fit(self, fit: Callable[[], Baseline]) -> Baseline:
        baseline = fit()
        try:
            write_atomically(self._file, json.dumps(asdict(baseline)))
        except OSError as error:
            log.warning("the linear baseline cannot be stored for other runs: %s", error)
        return baseline

    def _read(self) -> Baseline | None:
        try:
            return Baseline.from_json(json.loads(self._file.read_text()))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @contextmanager
    def _lock_fit(self, *, wait: bool) -> Iterator[bool]:
        """Lock the fit for this process. Yields whether it may fit; every process may if files cannot be locked."""
        try:
            lock = self._lock.open("w")
        except OSError:
            yield True
            return
        with lock:
            yield _try_lock(lock.fileno(), wait=wait)


def _try_lock(file: int, *, wait: bool) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
