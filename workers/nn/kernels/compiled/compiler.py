"""Compiles kernels with numba: for both float types, at import, with a cache on disk."""

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
DEPENDENCIES = b"".join(path.read_bytes() for path in SOURCES) + str(blas.numpy_openblas()).encode()
FINGERPRINT = hashlib.sha256(DEPENDENCIES).hexdigest()[:16]
"""A hash of everything that compiled code depends on. numba itself only checks the file that defines a function."""


def compiled(*signatures: str) -> Callable[[F], F]:
    """Compile for each signature, with float32 and with float64 in place of `real`.

    Of the flags that trade exactness for speed, only `contract` is set: it fuses a product and a sum into one
    instruction. The others would assume that there is no NaN or infinity. Division follows IEEE 754, not Python.
    """
    concrete = {signature.replace("real", real): None for signature in signatures for real in REALS}
    make = numba.njit(list(concrete), cache=True, fastmath={"contract"}, error_model="numpy")

    def decorate(function: F) -> F:
        function.__qualname__ += f"-{FINGERPRINT}"  # names its cache file
        try:
            return cast("F", make(function))
        except RuntimeError as error:
            if "no locator" not in str(error):
                raise
            _use_temporary_cache()
            return cast("F", make(function))

    return decorate


def inlined(function: F) -> F:
    """Compile a function that kernels call: it becomes part of each."""
    return cast("F", numba.njit(error_model="numpy", inline="always")(function))


def cache_folder(kernel: Any) -> Path:
    """The folder that caches a kernel: in NUMBA_CACHE_DIR, else beside its source, else in the user's cache."""
    return Path(kernel.stats.cache_path)


def is_temporary(folder: Path) -> bool:
    """Whether a cache folder exists for this process only, because no other was writable."""
    return folder.is_relative_to(Path(tempfile.gettempdir())) and TEMPORARY in str(folder)


def _use_temporary_cache() -> None:
    os.environ["NUMBA_CACHE_DIR"] = tempfile.mkdtemp(prefix=TEMPORARY)
    numba.config.reload_config()  # type: ignore[no-untyped-call]
    log.warning(
        "no writable folder for compiled kernels: set NUMBA_CACHE_DIR, or every start compiles them again"
    )
