"""The report on a batch of new rows, from the example response of the API."""

import io
import json
from typing import Any

import pytest
from rich.console import Console

from service.api.openapi import response_examples
from service.cli.shift_report import show_shift_report


@pytest.fixture
def answer() -> Any:
    stored = json.loads(response_examples.FILE.read_text())
    return stored["compare_batch"]["200"]["application/json"]


def printed(answer: Any) -> str:
    console = Console(file=io.StringIO(), width=100)
    show_shift_report(console, answer)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_two_rows_show_no_shift_and_no_test_could_have_found_one(answer: Any) -> None:
    text = printed(answer)
    assert "The batch of 2 rows shows no shift against 30 validation rows" in text
    assert "0 features moved." in text
    assert "Measured accuracy: 1.000" in text
    assert [line.split()[-1] for line in text.splitlines() if line.startswith("outputs")] == ["-"]


def test_a_moved_feature_is_shown_with_its_means(answer: Any) -> None:
    answer["features"][0] |= {"alarm": True, "move": 0.9, "mean_before": 60.0, "mean_after": 140.0}
    text = printed(answer | {"features_moved": 1, "shifted": True, "measured": None})
    [line] = [line for line in text.splitlines() if line.startswith(answer["features"][0]["name"])]
    assert "0.90" in line
    assert "140" in line
    assert "has shifted" in text
    assert "Measured" not in text
