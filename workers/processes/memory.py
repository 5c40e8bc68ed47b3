"""The memory of processes: a limit, what the kernel took when there was none left, and what is given back to it."""

import ctypes
import resource
from contextlib import suppress
from pathlib import Path

VMSTAT = Path("/proc/vmstat")
OOM_SCORE = Path("/proc/self/oom_score_adj")

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
"""Of glibc's malloc.h."""
KEPT_BYTES = 1_000_000


def return_free_memory() -> None:
    """Let this process return what it frees to the kernel at once: of glibc alone.

    By itself glibc raises, with the first large array that is freed, the size from which on arrays are returned,
    and keeps a heap for each thread: a service that had read MNIST once stayed 40 MB larger. Not for a worker,
    which would be asking for the same arrays again with every epoch.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", lambda *_: 0)
    mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
    mallopt(M_ARENA_MAX, 2)


def limit(size: int | None) -> None:
    """Let this process allocate at most `size` bytes from here on; beyond, allocations raise MemoryError.

    Counted is what it can write to and shares with nobody (RLIMIT_DATA): memory-mapped data sets are not.
    """
    if size is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def volunteer() -> None:
    """Ask the kernel to take this process first when memory runs out: a run is resumed, a service is missed."""
    with suppress(OSError):  # a kernel without it
        OOM_SCORE.write_text("500")


def kills() -> int:
    """How many processes the kernel has killed for want of memory since it started; 0 where it does not say."""
    if not VMSTAT.exists():
        return 0
    counters = dict(line.split() for line in VMSTAT.read_text().splitlines())
    return int(counters.get("oom_kill", 0))
