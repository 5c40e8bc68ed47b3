"""The limit in a process of its own, and what the kernel counts."""

import subprocess
import sys
from pathlib import Path

import pytest

from workers import memory

ALLOCATE = """
import numpy
from workers import memory
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
