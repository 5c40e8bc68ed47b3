import io
from typing import Any

import pytest
from rich.console import Console

from service.cli.comparison_report import show_comparisons
from service.client.api import Api
from service.client.connection import query_of


def item(b: int, **figures: Any) -> dict[str, Any]:
    finding = {"code": "difference_shown", "sentence": f"Sentence about 1 and {b}.", "remedy": "Evaluate it."}
    missing = dict.fromkeys(("mean_a", "mean_b", "difference", "low", "high", "better"))
    return {"a": 1, "b": b, "finding": finding, **missing, **figures}


def report(*items: dict[str, Any]) -> str:
    console = Console(file=io.StringIO(), width=100, highlight=False)
    remarks = [{"code": "same_rows", "sentence": "The epochs were selected.", "remedy": "Cross-validate."}]
    show_comparisons(console, {"metric": "balanced_accuracy", "items": list(items), "remarks": remarks})
    printed: str = console.file.getvalue()  # type: ignore[attr-defined]
    return printed


def test_each_pair_has_a_row_with_its_interval_and_a_sentence_and_advice_is_given_once() -> None:
    shown = item(2, mean_a=0.9, mean_b=0.8, difference=0.1, low=0.05, high=0.15, better=1)
    described = item(3, mean_a=0.9, mean_b=0.93, difference=-0.03)
    printed = report(shown, described, item(4))
    rows = [line.split() for line in printed.splitlines()]
    assert rows[0] == ["a", "b", "balanced", "accuracy", "of", "a", "of", "b", "a", "minus", "b", "better"]
    assert rows[1:4] == [
        ["1", "2", "0.900", "0.800", "+0.100", "[+0.050,", "+0.150]", "1"],
        ["1", "3", "0.900", "0.930", "-0.030", "-"],
        ["1", "4", "-", "-", "-", "-"],
    ]
    assert printed.count("Sentence about") == 3
    assert printed.count("Evaluate it.") == 1
    assert printed.endswith("The epochs were selected. Cross-validate.\n")


def test_different_advice_names_the_pairs_that_it_is_for() -> None:
    undecided = item(4) | {"finding": {"code": "no", "sentence": "No difference.", "remedy": "Take either."}}
    printed = report(item(2), item(3), undecided)
    assert "1 and 2, 1 and 3: Evaluate it.\n1 and 4: Take either.\nThe epochs were selected." in printed


def test_the_client_sends_only_what_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = []
    monkeypatch.setattr(
        Api, "_json", lambda self, method, path, query, **_: sent.append((method, path + query_of(query)))
    )
    with Api("http://here") as client:
        client.compare([1, 2], None, None)
        client.compare([1, 2, 3], "mcc", 3)
    assert sent == [
        ("GET", "/comparisons?ids=1%2C2"),
        ("GET", "/comparisons?ids=1%2C2%2C3&metric=mcc&reference=3"),
    ]
