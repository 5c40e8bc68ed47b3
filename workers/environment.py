"""The environment of training: what its bits depend on besides spec and data."""

import platform
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from importlib.metadata import version
from typing import Any

from workers import blas
from workers.nn import kernels, mixed_precision


@dataclass(frozen=True)
class Environment:
    """The kernels, the processor and the versions that compute a run.

    kernels: numba with its version, or numpy. blas: the kernels that OpenBLAS selected; None for another BLAS. simd:
    the highest of NumPy's own instruction sets that this processor has. processor: what numba compiles for; None
    with other kernels. bfloat16: what multiplies it; None without mixed precision.
    """

    kernels: str
    blas: str | None
    simd: str | None
    processor: str | None
    machine: str
    numpy: str
    holdout: str
    bfloat16: str | None = None


@cache
def current() -> Environment:
    """The environment of this process. Loads the kernels."""
    is_compiled = kernels.load()[1].name == "numba"
    return Environment(
        kernels=f"numba {version('numba')}" if is_compiled else "numpy",
        blas=blas.corename(),
        simd=_highest_simd(),
        processor=_compiled_for() if is_compiled else None,
        machine=platform.machine(),
        numpy=version("numpy"),
        holdout=version("holdout"),
    )


def of_run(*, is_mixed: bool) -> Environment:
    """The environment of a run in this process. is_mixed: whether it trains in mixed precision."""
    return replace(current(), bfloat16=mixed_precision.products().name) if is_mixed else current()


def _compiled_for() -> str:
    import llvmlite.binding

    return str(llvmlite.binding.get_host_cpu_name())


def _highest_simd() -> str | None:
    """As `numpy.show_runtime` finds it: of what NumPy was compiled for, the last that the processor has."""
    compiled: Any = import_module("numpy._core._multiarray_umath")
    built_for = [*compiled.__cpu_baseline__, *compiled.__cpu_dispatch__]
    found: list[str] = [name for name in built_for if compiled.__cpu_features__.get(name)]
    return found[-1] if found else None
