"""Imported by the server that worker processes are forked from: what each of them would load or compile.

`python -m workers.processes.preload` compiles the kernels into numba's cache, as an installation does.
"""

import time

from workers.nn import kernels

STARTED = time.perf_counter()
KERNELS = kernels.loaded()[1]

if __name__ == "__main__":
    print(f"Training kernels: {KERNELS}, ready in {time.perf_counter() - STARTED:.0f} s")  # noqa: T201 -- its answer
