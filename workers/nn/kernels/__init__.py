"""Kernels, the inner loops of training. Only this file chooses between the two implementations.

HOLDOUT_KERNELS=numpy selects the reference in NumPy, numba the compiled kernels, and auto (the default) the compiled
ones if numba works. Both compute the same formulas, but not the same bits: use one of them to repeat a run exactly.
"""

import logging
import os
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from typing import Literal, NamedTuple

from workers.exhaustion import is_exhausted
from workers.nn.kernels.contract import Kernels

log = logging.getLogger("holdout.kernels")


class Choice(NamedTuple):
    """The implementation that runs; for numpy, also the reason."""

    name: Literal["numpy", "numba"]
    reason: str = ""

    def __str__(self) -> str:
        return f"compiled by numba {version('numba')}" if self.name == "numba" else f"NumPy ({self.reason})"


def choose() -> Choice:
    """Choose the implementation that `load` will try, without loading it. For processes that do not train.

    Raises ValueError for an unknown HOLDOUT_KERNELS.
    """
    setting = os.environ.get("HOLDOUT_KERNELS", "auto")
    if setting not in ("auto", "numpy", "numba"):
        raise ValueError(f"HOLDOUT_KERNELS is {setting!r}; it should be auto, numpy or numba")
    if setting == "numpy":
        return Choice("numpy", "HOLDOUT_KERNELS is numpy")
    if setting == "auto" and find_spec("numba") is None:
        return Choice("numpy", "numba is not installed")
    return Choice("numba")


@cache
def load() -> tuple[Kernels, Choice]:
    """Load the kernels, once per process, and say which they are. The compiled ones take seconds to load.

    Falls back to the reference if numba cannot be loaded, unless HOLDOUT_KERNELS is numba: then raises its error. It
    is also raised if something is used up, such as descriptors: a moment later the kernels would be others.
    """
    from workers.nn.kernels import reference

    choice = choose()
    if choice.name == "numpy":
        return reference, choice
    try:
        from workers.nn.kernels import compiled
    except (ImportError, OSError) as error:  # from a numba that does not fit this NumPy or this system
        if os.environ.get("HOLDOUT_KERNELS") == "numba" or is_exhausted(error):
            raise
        choice = Choice("numpy", f"numba cannot be loaded: {error}")
        log.warning("training kernels: %s", choice)
        return reference, choice
    return compiled, choice


@dataclass
class _Process:
    """What this process does."""

    trains: bool = True


_PROCESS = _Process()


@cache
def current() -> Kernels:
    """The kernels of this process."""
    if _PROCESS.trains:
        return load()[0]
    from workers.nn.kernels import reference

    return reference


def use_reference() -> None:
    """Let this process compute by the reference from now on: one that predicts, and does not train.

    The compiled kernels would take 75 MB, and two seconds of its first prediction. What it predicts differs from what
    they would in the last bits.
    """
    _PROCESS.trains = False
    current.cache_clear()
