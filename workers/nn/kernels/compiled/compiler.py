"""How the compiled kernels are made: for both float types, ahead of their first call, kept on disk."""

import hashlib
import logging
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

from workers import blas

log = logging.getLogger("holdout.kernels")

TEMPORARY = "holdout-kernels-"

F = TypeVar("F", bound=Callable[..., Any])

REALS = ("float32", "float64")

SOURCES = sorted(Path(__file__).parent.glob("*.py"))
DEPENDENCIES = b"".join(path.read_bytes() for path in SOURCES) + str(blas.own_library()).encode()
FINGERPRINT = hashlib.sha256(DEPENDENCIES).hexdigest()[:16]
"""Of all that compiled code depends on: numba itself looks at the one file that a function stands in."""


def compiled(*signatures: str) -> Callable[[F], F]:
    """Compile for each signature, `real` standing for float32 and float64 in turn.

    Of the flags that trade exactness for speed only `contract` is taken: a product and a sum become one
    instruction. None may assume that there is no NaN or infinity. Division is IEEE's, not Python's.
    """
    wanted = [signature.replace("real", real) for signature in signatures for real in REALS]
    make = numba.njit(wanted, cache=True, fastmath={"contract"}, error_model="numpy")

    def compile_(function: F) -> F:
        function.__qualname__ += f"-{FINGERPRINT}"  # the name of its file on disk
        try:
            return cast("F", make(function))
        except RuntimeError as error:
            if "no locator" not in str(error):
                raise
            _keep_in_a_temporary_folder()
            return cast("F", make(function))

    return compile_


def inlined(function: F) -> F:
    """A function that kernels call."""
    return cast("F", numba.njit(error_model="numpy", inline="always")(function))


def folder(kernel: Any) -> Path:
    """Where a kernel is kept: in NUMBA_CACHE_DIR, else beside its source, else in the user's cache."""
    return Path(kernel.stats.cache_path)


def is_lost(folder: Path) -> bool:
    """Whether it is a folder of this process alone, since no other could be written to."""
    return folder.is_relative_to(Path(tempfile.gettempdir())) and TEMPORARY in str(folder)


def _keep_in_a_temporary_folder() -> None:
    os.environ["NUMBA_CACHE_DIR"] = tempfile.mkdtemp(prefix=TEMPORARY)
    numba.config.reload_config()  # type: ignore[no-untyped-call]
    log.warning(
        "no folder to keep compiled kernels in: set NUMBA_CACHE_DIR, or every start compiles them anew"
    )
