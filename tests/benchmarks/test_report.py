"""The table of the benchmarks marks missed goals, and the page keeps the text around it."""

import json
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.__main__ import COMPARISONS
from benchmarks.report import BEGIN, END, Row
from benchmarks.steps import MODULES

FASTER = Row("a step", "PyTorch", "20 µs", "160 µs", 8.0, 8.0)
LARGER = Row("memory", "", "131 MB", "", 131.0, 130.0, "most")


@pytest.mark.parametrize(
    ("row", "met"),
    [
        (FASTER, True),
        (replace(FASTER, figure=7.99), False),
        (LARGER, False),
        (replace(LARGER, figure=130.0), True),
        (replace(FASTER, figure=0.1, goal=None), True),
    ],
)
def test_a_goal_is_the_least_or_the_most_that_a_figure_may_be(row: Row, met: bool) -> None:
    assert row.is_met == met
    assert ("missed" in report.table([row], {})) != met


def test_the_page_keeps_the_text_around_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page, figures = tmp_path / "page.md", tmp_path / "results.json"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    monkeypatch.setattr(report, "PAGE", page)
    monkeypatch.setattr(report, "JSON", figures)
    report.write(report.machine(), [FASTER, LARGER])
    written = page.read_text()
    assert written.startswith(f"before\n{BEGIN}")
    assert written.endswith(f"{END}\nafter\n")
    assert "| a step | PyTorch | 20 µs | 160 µs | 8 |  | >= 8 |  |" in written
    assert "old" not in written
    assert [row["figure"] for row in json.loads(figures.read_text())["comparisons"]] == [8.0, 131.0]
    report.write(report.machine(), [replace(FASTER, figure=9.0), LARGER])
    assert "| a step | PyTorch | 20 µs | 160 µs | 9 | 8 | >= 8 |  |" in page.read_text()


@pytest.mark.parametrize("module", COMPARISONS.values())
def test_every_comparison_says_what_it_measures(module: str) -> None:
    found = import_module(module)
    assert found.__doc__
    assert callable(found.measure)


@pytest.mark.parametrize("module", MODULES.values())
def test_every_framework_that_is_compared_has_its_module(module: str) -> None:
    assert find_spec(f"benchmarks.frameworks.{module}"), "it would be skipped as not installed"
