"""What `holdout robustness` prints, and how it follows the job."""

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from service.cli import robustness_progress as module
from service.cli.robustness_report import show_robustness_report


def cell(corruption: str | None, severity: int | None, value: float, drop: float | None) -> dict[str, Any]:
    low, high = (None, None) if drop is None else (drop - 0.02, drop + 0.02)
    figure = {"metric": "balanced_accuracy", "value": value, "drop": drop, "low": low, "high": high}
    return {
        "corruption": corruption,
        "severity": severity,
        "figures": [figure],
        "worst_class": "cat",
        "worst_class_accuracy": 0.4,
    }


REPORT = {
    "runs": [{"seed": 0}, {"seed": 1}],
    "rows": 1200,
    "clean": cell(None, None, 0.9, None),
    "items": [cell("wrong_units", severity, 0.9 - severity / 10, severity / 10) for severity in range(1, 6)],
    "means": [cell("wrong_units", None, 0.6, 0.3)],
    "mean": cell(None, None, 0.6, 0.3),
}


def test_each_corruption_has_a_line() -> None:
    out = StringIO()
    show_robustness_report(Console(file=out, width=120, highlight=False), {"report": REPORT})
    lines = out.getvalue().splitlines()
    assert lines[1].split() == [
        *("wrong", "units", "0.800", "0.700", "0.600", "0.500", "0.400"),
        *("0.600", "+0.300", "[+0.280,", "+0.320]", "cat", "(0.40)"),
    ]
    assert lines[2].startswith("all")
    assert "1,200 corrupted rows" in lines[3]
    assert "0.900 as they are" in lines[3]


class Scripted:
    """A client whose report goes through these states."""

    def __init__(self, *statuses: str) -> None:
        self.statuses, self.started = list(statuses), 0

    def measure_robustness(self, experiment_id: int) -> dict[str, Any]:
        self.started += 1
        return self.robustness(experiment_id)

    def robustness(self, experiment_id: int) -> dict[str, Any]:
        assert experiment_id == 7
        status = self.statuses.pop(0)
        progress, message = {"done": 3, "total": 26}, "out of memory" if status == "failed" else None
        return {"status": status, "progress": progress, "message": message, "report": REPORT}


@pytest.mark.parametrize("last", ["succeeded", "failed", "cancelled"])
def test_the_command_waits_for_the_end(monkeypatch: pytest.MonkeyPatch, last: str) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 0)
    client, out = Scripted("queued", "running", "running", last), StringIO()
    found = module.wait_for_robustness(Console(file=out, width=120), client, 7)
    assert client.started == 1
    assert (found is not None) == (last == "succeeded")
    printed = out.getvalue()
    assert printed.count("running: 3 of 26 steps") == 1
    expected = {"succeeded": "", "failed": "out of memory", "cancelled": "it was cancelled"}
    assert expected[last] in printed
