"""The memory limit, the return of freed memory, and the kernel's counter of its kills."""

import ctypes
import gc
import resource
import subprocess
import sys
import weakref
from pathlib import Path

import pytest

from workers.processes import memory

ALLOCATE = """
import numpy
from workers.processes import memory
libraries = numpy.zeros(100_000_000)  # what is there before does not count
memory.limit({limit})
try:
    numpy.empty(50_000_000)
    print("allocated")
except MemoryError:
    print("refused")
"""


@pytest.mark.parametrize(
    ("limit", "outcome"), [(None, "allocated"), (450_000_000, "allocated"), (300_000_000, "refused")]
)
def test_allocations_beyond_the_limit_are_refused(limit: int | None, outcome: str) -> None:
    program = [sys.executable, "-c", ALLOCATE.format(limit=limit)]
    assert subprocess.run(program, capture_output=True, text=True, check=True).stdout.strip() == outcome


def test_the_kernels_kills_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vmstat = tmp_path / "vmstat"
    monkeypatch.setattr(memory, "VMSTAT", vmstat)
    assert memory.oom_kills() == 0
    vmstat.write_text("nr_free_pages 12\noom_kill 3\nballoon_inflate 0\n")
    assert memory.oom_kills() == 3
    vmstat.write_text("nr_free_pages 12\n")
    assert memory.oom_kills() == 0


def test_a_worker_is_killed_before_other_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    score = tmp_path / "oom_score_adj"
    monkeypatch.setattr(memory, "OOM_SCORE", score)
    memory.raise_oom_score()
    assert int(score.read_text()) > 0


def test_a_kernel_without_scores_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "OOM_SCORE", tmp_path / "missing" / "oom_score_adj")
    memory.raise_oom_score()


RETURN_MEMORY = """
from pathlib import Path
from workers.processes import memory

def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1])

if {returns}:
    memory.return_free_memory()
before = resident()
large = bytearray(b"x" * 30_000_000)
del large
blocks = []
for _ in range(20):  # each behind the last, and a small block that stays
    blocks.append((bytearray(b"x" * 2_000_000), bytearray(b"x" * 2_000)))
small_blocks = [small for _, small in blocks]
del blocks, _
print(resident() - before)
"""


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"), reason="mallopt is a function of glibc"
)
def test_freed_memory_is_returned_although_a_block_behind_it_stays() -> None:
    resident = [
        int(
            subprocess.run(
                [sys.executable, "-c", RETURN_MEMORY.format(returns=returns)],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for returns in (False, True)
    ]
    assert resident[0] > 30_000  # otherwise glibc had returned it anyway, and this test would show nothing
    assert resident[1] < 10_000


def test_without_descriptors_the_allocated_memory_is_unknown_and_no_error() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert memory.allocated_bytes() > 0
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        assert memory.allocated_bytes() == 0
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Cycle:
    """Refers to itself, so that only the collector of cycles frees what it has."""

    def __init__(self, size: int) -> None:
        self.itself, self.content = self, bytearray(size)


@pytest.mark.parametrize(("size", "remains"), [(2 * memory.GARBAGE_BYTES, False), (1000, True)])
def test_garbage_is_freed_where_there_is_much_of_it(size: int, remains: bool) -> None:
    gc.disable()
    try:
        allocated = memory.allocated_bytes()
        cycle = weakref.ref(Cycle(size))
        memory.free_garbage(allocated)
        assert (cycle() is not None) is remains
    finally:
        gc.enable()
    assert memory.allocated_bytes() - allocated < memory.GARBAGE_BYTES
