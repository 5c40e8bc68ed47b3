"""The limit in a process of its own, and what the kernel counts."""

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from workers.processes import memory

ALLOCATE = """
import numpy
from workers.processes import memory
memory.limit({limit})
try:
    numpy.ones(50_000_000)
    print("allocated")
except MemoryError:
    print("refused")
"""


@pytest.mark.parametrize(
    ("limit", "outcome"), [(None, "allocated"), (10**9, "allocated"), (300_000_000, "refused")]
)
def test_a_limit_is_where_allocations_end(limit: int | None, outcome: str) -> None:
    program = [sys.executable, "-c", ALLOCATE.format(limit=limit)]
    assert subprocess.run(program, capture_output=True, text=True, check=True).stdout.strip() == outcome


def test_the_kernels_kills_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vmstat = tmp_path / "vmstat"
    monkeypatch.setattr(memory, "VMSTAT", vmstat)
    assert memory.kills() == 0
    vmstat.write_text("nr_free_pages 12\noom_kill 3\nballoon_inflate 0\n")
    assert memory.kills() == 3
    vmstat.write_text("nr_free_pages 12\n")
    assert memory.kills() == 0


def test_a_volunteer_is_killed_before_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    score = tmp_path / "oom_score_adj"
    monkeypatch.setattr(memory, "OOM_SCORE", score)
    memory.volunteer()
    assert int(score.read_text()) > 0


def test_where_the_kernel_has_no_scores_nothing_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "OOM_SCORE", tmp_path / "missing" / "oom_score_adj")
    memory.volunteer()


GIVE_BACK = """
from pathlib import Path
from workers.processes import memory

def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1])

if {gives_back}:
    memory.return_free_memory()
before = resident()
large = bytearray(b"x" * 30_000_000)
del large
blocks = []
for _ in range(20):  # each behind the last, with something that stays
    blocks.append((bytearray(b"x" * 2_000_000), bytearray(b"x" * 2_000)))
kept = [small for _, small in blocks]
del blocks, _
print(resident() - before)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"), reason="only glibc is told so")
def test_what_a_service_frees_is_given_back_though_something_behind_it_stays() -> None:
    kept = [
        int(
            subprocess.run(
                [sys.executable, "-c", GIVE_BACK.format(gives_back=gives_back)],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for gives_back in (False, True)
    ]
    assert kept[0] > 30_000  # by itself glibc keeps it: the test is one
    assert kept[1] < 10_000
