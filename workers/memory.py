"""The memory of a worker process: its limit, and whether the kernel took it when there was none left."""

import resource
from contextlib import suppress
from pathlib import Path

VMSTAT = Path("/proc/vmstat")
OOM_SCORE = Path("/proc/self/oom_score_adj")


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
