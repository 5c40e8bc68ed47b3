"""What OpenBLAS has to be told before NumPy is imported: one thread, and the right kernels; and what it took.

A worker process trains on one core; more threads than that would take cores from its neighbours.
"""

import ctypes
import sys
import time
from collections.abc import MutableMapping
from pathlib import Path

THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def configure(environment: MutableMapping[str, str], cpuinfo: str | None = None) -> None:
    """Set the variables for the processes that will inherit `environment`; what is set already stays.

    OpenBLAS takes its AVX2 kernels on AMD processors that have AVX-512 too; `Cooperlake` names the kernels
    that use it. They need AVX512_BF16: an AMD processor without that flag keeps the default.
    """
    for variable in THREAD_VARIABLES:
        environment.setdefault(variable, "1")
    if "AuthenticAMD" in (text := read_cpuinfo() if cpuinfo is None else cpuinfo) and "avx512_bf16" in text:
        environment.setdefault("OPENBLAS_CORETYPE", "Cooperlake")


def read_cpuinfo() -> str:
    """The first processor of /proc/cpuinfo; empty where there is none."""
    path = Path("/proc/cpuinfo")
    if not sys.platform.startswith("linux") or not path.exists():
        return ""
    return path.read_text().split("\n\n", 1)[0]


def corename() -> str | None:
    """The kernels that NumPy's own OpenBLAS has taken in this process, "Zen" say; None of another BLAS."""
    if library := numpy_openblas():
        function = ctypes.CDLL(str(library)).scipy_openblas_get_corename64_
        function.restype = ctypes.c_char_p
        return str(function().decode())
    return None


def numpy_openblas() -> Path | None:
    """The OpenBLAS in NumPy's wheel, its integers of 64 bits; None where NumPy has another BLAS."""
    import numpy as np

    package = Path(np.__file__).parent
    for library in [*package.parent.glob("numpy.libs/*openblas*"), *package.glob(".dylibs/*openblas*")]:
        if hasattr(ctypes.CDLL(str(library)), "scipy_cblas_sgemm64_"):
            return library
    return None


def gflops(size: int = 512, repeats: int = 10) -> float:
    """Billions of operations a second in a product of two float32 matrices: the best of `repeats`."""
    import numpy as np

    a = np.ones((size, size), np.float32)
    out, seconds = np.empty_like(a), []
    for _ in range(repeats):
        started = time.perf_counter()
        np.dot(a, a, out)
        seconds.append(time.perf_counter() - started)
    return 2 * size**3 / min(seconds) / 1e9
