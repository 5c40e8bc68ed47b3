"""Loads the training kernels. The server that forks worker processes imports this once, so that no worker has to.

`python -m workers.processes.preload` compiles the kernels into numba's cache; an installation runs it.
"""

import time

from workers.nn import kernels

STARTED = time.perf_counter()
KERNELS = kernels.load()[1]

if __name__ == "__main__":
    print(f"Training kernels: {KERNELS}, ready in {time.perf_counter() - STARTED:.0f} s")  # noqa: T201 -- its output
