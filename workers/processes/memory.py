"""The memory of a process: its limit, the kernel's choice when memory runs out, and the return of freed memory."""

import ctypes
import gc
import resource
from contextlib import suppress
from pathlib import Path

STATM = Path("/proc/self/statm")
VMSTAT = Path("/proc/vmstat")
OOM_SCORE = Path("/proc/self/oom_score_adj")

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
"""Parameters of mallopt, from glibc's malloc.h."""
RETURN_BYTES = 1_000_000
"""Freed blocks of this size and more are returned to the kernel."""
GARBAGE_BYTES = 16_000_000
"""What earlier work may leave allocated for the next: cycles of objects, and free blocks of the heap."""


def return_free_memory() -> None:
    """Make this process return what it frees to the kernel at once. Has an effect with glibc only.

    By itself glibc raises the size from which arrays are returned whenever a large array is freed, and keeps a heap
    for each thread: a service that had read MNIST once stayed 40 MB larger. A worker does not call this, because it
    would allocate the same arrays again in every epoch.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", lambda *_: 0)
    mallopt(M_MMAP_THRESHOLD, RETURN_BYTES)
    mallopt(M_TRIM_THRESHOLD, RETURN_BYTES)
    mallopt(M_ARENA_MAX, 2)


def trim() -> None:
    """Return what is free in the heaps of this process to the kernel. Has an effect with glibc only."""
    getattr(ctypes.CDLL(None), "malloc_trim", lambda _: 0)(0)


def free() -> None:
    """Free cycles of objects, and return what is free to the kernel."""
    gc.collect()
    trim()


def free_garbage(allocated: int) -> None:
    """The same, if it may be worth its time: this process had allocated so many bytes, and now has many more."""
    if allocated_bytes() - allocated > GARBAGE_BYTES:
        free()


def allocated_bytes() -> int:
    """The memory that this process has allocated and uses; pages of mapped files do not count. 0 if unknown."""
    _, resident, shared, *_ = _counted_bytes()
    return resident - shared


def limit(size: int | None) -> None:
    """Let this process allocate at most `size` bytes from now on; allocations beyond raise MemoryError.

    The limit counts private writable memory (RLIMIT_DATA), so memory-mapped data sets do not count, and neither does
    what the process has already, which is mostly its libraries'. None sets no limit.
    """
    if size is not None:
        size += _private_bytes()
        resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def _private_bytes() -> int:
    """The private writable memory that this process has reserved, used or not. 0 if unknown."""
    *_, data, _ = _counted_bytes()
    return data


def _counted_bytes() -> list[int]:
    """The fields of /proc/self/statm in bytes: size, resident, shared, text, lib, data, dt; zeros if unknown."""
    try:
        counted = STATM.read_text()
    except OSError:  # this system has no such file, or this process no descriptor left to open it
        return [0] * 7
    return [int(pages) * resource.getpagesize() for pages in counted.split()]


def raise_oom_score() -> None:
    """Make the kernel kill this process before others if memory runs out: a run can resume, a service is missed."""
    with suppress(OSError):  # this kernel has no scores
        OOM_SCORE.write_text("500")


def oom_kills() -> int:
    """How many processes the kernel has killed for lack of memory since it started; 0 if it does not count them."""
    if not VMSTAT.exists():
        return 0
    counters = dict(line.split() for line in VMSTAT.read_text().splitlines())
    return int(counters.get("oom_kill", 0))
