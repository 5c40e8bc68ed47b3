"""What OpenBLAS has to be told before NumPy is imported: one thread, and the right kernels.

A worker process trains on one core; more threads than that would take cores from its neighbours.
"""

import sys
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
