"""Configures OpenBLAS before NumPy is imported, with one thread and the fastest kernels, and reports its choice.

A worker process trains on one core. More threads would take cores from other workers.
"""

import ctypes
import platform
import sys
import time
from collections.abc import MutableMapping
from pathlib import Path

THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
X86_64 = ("x86_64", "AMD64")
APPLE = "arm64"
"""What macOS calls its ARM processors; Linux says aarch64. It has no /proc/cpuinfo."""


def configure(
    environment: MutableMapping[str, str], cpuinfo: str | None = None, machine: str | None = None
) -> None:
    """Set the variables for processes that will inherit `environment`. Existing values stay.

    On AMD processors, OpenBLAS selects its AVX2 kernels even if the processor has AVX-512. `Cooperlake` selects the
    AVX-512 kernels. They need AVX512_BF16: an AMD processor without that flag keeps the default. The type of machine
    decides first: under emulation, /proc/cpuinfo describes the processor of the host.

    On ARM processors with SME, OpenBLAS selects kernels for it, after which NumPy warns of overflows and divisions by
    zero that there are not (numpy issues 28687 and 29820), and a product of float32 may be wrong (31776). So they get
    the kernels that OpenBLAS has for the same processor without SME.
    """
    for variable in THREAD_VARIABLES:
        environment.setdefault(variable, "1")
    if core := _core(machine or platform.machine(), read_cpuinfo() if cpuinfo is None else cpuinfo):
        environment.setdefault("OPENBLAS_CORETYPE", core)


def _core(machine: str, cpuinfo: str) -> str | None:
    """The kernels for a machine; None if OpenBLAS chooses well."""
    flags = cpuinfo.split()
    if machine in X86_64:
        return "Cooperlake" if "AuthenticAMD" in flags and "avx512_bf16" in flags else None
    if machine == APPLE:
        return "NEOVERSEN1"  # as on those without SME
    if machine == "aarch64" and "sme" in flags:
        return "ARMV8SVE" if "sve" in flags else "ARMV8"
    return None


def read_cpuinfo() -> str:
    """The first processor in /proc/cpuinfo; empty if the system has no such file."""
    path = Path("/proc/cpuinfo")
    if not sys.platform.startswith("linux") or not path.exists():
        return ""
    return path.read_text().split("\n\n", 1)[0]


def corename() -> str | None:
    """The kernels that NumPy's OpenBLAS selected in this process, such as "Zen"; None for another BLAS."""
    if library := numpy_openblas():
        function = ctypes.CDLL(str(library)).scipy_openblas_get_corename64_
        function.restype = ctypes.c_char_p
        return str(function().decode())
    return None


def numpy_openblas() -> Path | None:
    """The path of the OpenBLAS in NumPy's wheel, which has 64-bit integers; None if NumPy uses another BLAS."""
    import numpy as np

    package = Path(np.__file__).parent
    for library in [*package.parent.glob("numpy.libs/*openblas*"), *package.glob(".dylibs/*openblas*")]:
        if hasattr(ctypes.CDLL(str(library)), "scipy_cblas_sgemm64_"):
            return library
    return None


def gflops(size: int = 512, repeats: int = 10) -> float:
    """The speed of a product of two float32 matrices (size, size), in GFLOP/s: the best of `repeats`."""
    import numpy as np

    a = np.ones((size, size), np.float32)
    out, seconds = np.empty_like(a), []
    for _ in range(repeats):
        started = time.perf_counter()
        np.dot(a, a, out)
        seconds.append(time.perf_counter() - started)
    return 2 * size**3 / min(seconds) / 1e9
