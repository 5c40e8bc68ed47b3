"""Products of matrices of bfloat16 by MKL, where the processor has a unit for them.

MKL takes such products on every processor, but without a unit it emulates them, and needs longer than for float32.
So there are none here unless the processor has a unit, MKL is installed, and its products are found to be faster.
"""

import ctypes
import time
from collections.abc import Callable
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workers import blas

UNITS = {"amx_bf16": "AMX-BF16", "avx512_bf16": "AVX512-BF16"}
"""Flags in /proc/cpuinfo, and the names of what they stand for. The faster one is first."""
INSTALL = "pip install 'holdout[bfloat16]'"
SEQUENTIAL = 1
ROW_MAJOR, NOT_TRANSPOSED, TRANSPOSED = 101, 111, 112
"""Constants of MKL's C interface: mkl_service.h and mkl_cblas.h."""
SIDE, REPEATS = 512, 5
"""Of the products that are timed: a quarter of a gigaflop each."""

Bits = NDArray[np.uint16]
Singles = NDArray[np.float32]


class NoUnit(RuntimeError):
    """Nothing here multiplies bfloat16 faster than float32. `reason` says why, `remedy` what would help."""

    def __init__(self, reason: str, remedy: str) -> None:
        self.reason, self.remedy = reason, remedy
        super().__init__(f"{reason}; {remedy}")


class ProcessorUnit(NamedTuple):
    """What multiplies bfloat16 here: the name of the processor's unit, and MKL's version and file."""

    name: str
    version: str
    library: Path

    def __str__(self) -> str:
        return f"{self.name} with MKL {self.version}"


class Rates(NamedTuple):
    """GFLOP/s of one core."""

    bfloat16: float
    float32: float


def find_unit(cpuinfo: str | None = None) -> ProcessorUnit:
    """The unit of this processor and the library that uses it, without loading it. Raises NoUnit."""
    name = unit_name(blas.read_cpuinfo() if cpuinfo is None else cpuinfo)
    if name is None:
        reason = f"this processor has no unit for bfloat16: neither {' nor '.join(UNITS.values())}"
        raise NoUnit(reason, 'train with "precision": "float32"')
    try:
        installed = metadata.distribution("mkl")
    except metadata.PackageNotFoundError:
        raise NoUnit(f"the processor has {name}, but MKL is not installed", INSTALL) from None
    for file in installed.files or ():
        if file.name.startswith("libmkl_rt.so") and (path := Path(str(file.locate()))).exists():
            return ProcessorUnit(name, installed.version, path.resolve())
    raise NoUnit(f"MKL {installed.version} has no libmkl_rt.so", INSTALL)


def unit_name(cpuinfo: str) -> str | None:
    """The unit of the processor that /proc/cpuinfo describes; None if it has none."""
    flags = {flag for line in cpuinfo.splitlines() if line.startswith("flags") for flag in line.split()}
    return next((name for flag, name in UNITS.items() if flag in flags), None)


@cache
def products() -> "MklProducts":
    """The products of this processor's unit, once they are found to be faster than float32. Raises NoUnit."""
    unit = find_unit()
    found = MklProducts(unit.library, name=str(unit))
    require_faster(unit, measure(found))
    return found


def require_faster(unit: ProcessorUnit, rates: Rates) -> None:
    """Raise NoUnit if the products of bfloat16 are not faster: MKL does not use the unit of every processor."""
    if rates.bfloat16 <= rates.float32:
        reason = (
            f"MKL {unit.version} multiplies bfloat16 at {rates.bfloat16:.0f} GFLOP/s on this processor, and float32 "
            f"is multiplied at {rates.float32:.0f}"
        )
        raise NoUnit(reason, 'train with "precision": "float32"')


def measure(of: "MklProducts") -> Rates:
    """The rates of this core: the best of some products of each kind, in turns."""
    a = np.random.default_rng(0).normal(size=(SIDE, SIDE)).astype(np.float32)
    bits, out = (a.view(np.uint32) >> np.uint32(16)).astype(np.uint16), np.empty_like(a)
    multiply = of.plan(bits, bits, out)
    both = [(_seconds(multiply), _seconds(lambda: np.dot(a, a, out))) for _ in range(1 + REPEATS)]
    operations = 2 * SIDE**3 / 1e9
    return Rates(*(operations / min(each) for each in zip(*both[1:], strict=True)))  # the first ones start up


class MklProducts:
    """Plans products of MKL, which run on the calling thread alone.

    library: the path of its libmkl_rt. name: of the unit and of MKL. Raises OSError if the library cannot be loaded.
    """

    def __init__(self, library: Path, *, name: str) -> None:
        self.name = name
        loaded: Any = ctypes.CDLL(str(library))
        loaded.MKL_Set_Threading_Layer(SEQUENTIAL)
        self._gemm = loaded.cblas_gemm_bf16bf16f32
        self._gemm.restype = None

    def plan(
        self, a: Bits, b: Bits, out: Singles, *, a_transposed: bool = False, b_transposed: bool = False
    ) -> Callable[[], object]:
        """Plan out (m, n) = a b, for C-contiguous a (m, k) and b (k, n), or for their transposes."""
        (m, n), k = out.shape, a.shape[0 if a_transposed else 1]
        arguments = (
            ctypes.c_int(ROW_MAJOR),
            *(ctypes.c_int(TRANSPOSED if each else NOT_TRANSPOSED) for each in (a_transposed, b_transposed)),
            *map(ctypes.c_int, (m, n, k)),
            ctypes.c_float(1),
            *_matrix(a),
            *_matrix(b),
            ctypes.c_float(0),
            *_matrix(out),
        )
        gemm = self._gemm

        def multiply(_arrays: object = (a, b, out)) -> None:  # which must outlive the addresses
            gemm(*arguments)

        return multiply


def _matrix(array: NDArray[Any]) -> tuple[ctypes.c_void_p, ctypes.c_int]:
    """The address and the leading dimension of a C-contiguous matrix."""
    return ctypes.c_void_p(array.ctypes.data), ctypes.c_int(array.shape[1])


def _seconds(action: Callable[[], object]) -> float:
    """The seconds of this thread alone, so that other programs of the machine change no ratio."""
    started = time.thread_time()
    action()
    return time.thread_time() - started
