"""The passes between the matrix products: which implementation runs is decided here and nowhere else.

HOLDOUT_KERNELS=numpy takes the readable one, numba the compiled one, auto (the default) the compiled one
where numba works. Both compute the same formulas; a run that must repeat its bits keeps to one of them.
"""

import logging
import os
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from typing import Literal, NamedTuple

from workers.nn.kernels.contract import Kernels

log = logging.getLogger("holdout.kernels")


class Choice(NamedTuple):
    """The kernels that run, and, of the readable ones, why they do."""

    name: Literal["numpy", "numba"]
    reason: str = ""

    def __str__(self) -> str:
        return f"compiled by numba {version('numba')}" if self.name == "numba" else f"NumPy ({self.reason})"


def chosen() -> Choice:
    """What `current` will try to take. Loads nothing, so that a process that does not train may call it."""
    wanted = os.environ.get("HOLDOUT_KERNELS", "auto")
    if wanted not in ("auto", "numpy", "numba"):
        raise ValueError(f"HOLDOUT_KERNELS is {wanted!r}; it should be auto, numpy or numba")
    if wanted == "numpy":
        return Choice("numpy", "HOLDOUT_KERNELS is numpy")
    if wanted == "auto" and find_spec("numba") is None:
        return Choice("numpy", "numba is not installed")
    return Choice("numba")


@cache
def loaded() -> tuple[Kernels, Choice]:
    """The kernels of this process, and which they are. The compiled ones take seconds to load."""
    from workers.nn.kernels import reference

    choice = chosen()
    if choice.name == "numpy":
        return reference, choice
    try:
        from workers.nn.kernels import compiled
    except (ImportError, OSError) as error:  # of a numba that does not fit this NumPy or this system
        if os.environ.get("HOLDOUT_KERNELS") == "numba":
            raise
        choice = Choice("numpy", f"numba cannot be loaded: {error}")
        log.warning("training kernels: %s", choice)
        return reference, choice
    return compiled, choice


@cache
def current() -> Kernels:
    """The kernels of this process."""
    return loaded()[0]
