"""Loads the training kernels. The server that forks worker processes imports this once, so that no worker has to.

`python -m workers.processes.preload` compiles the kernels into numba's cache; an installation runs it.
"""

import gc
import signal
import time

from workers import environment
from workers.nn import kernels
from workers.processes.orphan_watch import exits_with_parent

# Closing the terminal sends this to the whole process group. The parent then stops its workers by commands.
signal.signal(signal.SIGHUP, signal.SIG_IGN)

STARTED = time.perf_counter()
with exits_with_parent():  # to compile them takes half a minute or more
    KERNELS = kernels.load()[1]
    environment.current()
gc.freeze()  # collections in the workers need not look at what was imported, nor copy its pages

if __name__ == "__main__":
    print(f"Training kernels: {KERNELS}, ready in {time.perf_counter() - STARTED:.0f} s")  # noqa: T201 -- its output
