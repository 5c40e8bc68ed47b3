"""The linear baseline beside the parts that it is fitted to: one process fits it, and every run on them reads it.

A file in the folder of the parts holds it; the lock of another file, which the kernel drops with its process, is held
during the fit. So a worker that is killed meanwhile keeps nobody from fitting it.
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

from workers.data.dataset_files import write_whole
from workers.evaluation.baselines import Baseline
from workers.evaluation.intervals import Interval

log = logging.getLogger("holdout.worker")

VERSION = 1
"""Of the fit: raise it when the same rows would give other figures."""


class SharedBaseline:
    """The linear baseline on one folder of parts, with one scaling of the rows."""

    def __init__(self, parts: Path, scaling: dict[str, Any]) -> None:
        key = json.dumps({"version": VERSION, "scaling": scaling}, sort_keys=True)
        name = f"linear-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
        self._file, self._lock = parts / f"{name}.json", parts / f"{name}.lock"

    def get(self, fit: Callable[[], Baseline], *, wait: bool) -> Baseline | None:
        """The baseline, fitted if it is not there yet; None if another process is fitting it, unless `wait`."""
        found = self._read()
        if found is not None:
            return found
        with self._alone(wait=wait) as alone:
            return self._read() or self._fit(fit) if alone else None

    def _fit(self, fit: Callable[[], Baseline]) -> Baseline:
        baseline = fit()
        try:
            write_whole(self._file, json.dumps(asdict(baseline)))
        except OSError as error:
            log.warning("the linear baseline is not kept for other runs: %s", error)
        return baseline

    def _read(self) -> Baseline | None:
        try:
            stored = json.loads(self._file.read_text())
            interval = stored["interval"] and Interval(**stored["interval"])
            return Baseline(**{**stored, "interval": interval})
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @contextmanager
    def _alone(self, *, wait: bool) -> Iterator[bool]:
        """Whether this process may fit it now. Where files cannot be locked, every process may."""
        try:
            lock = self._lock.open("w")
        except OSError:
            yield True
            return
        with lock:
            yield _locked(lock.fileno(), wait=wait)


def _locked(file: int, *, wait: bool) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
