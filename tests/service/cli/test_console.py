import io
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from service.cli.console import follow, show_checks, show_datasets, show_json
from service.operations.doctor import CheckResult
from tests.service.cli.experiment_responses import Experiment, experiment, summary

ESCAPE = "\x1b"


def progress(epoch: int, eta_seconds: float | None = None) -> dict[str, Any]:
    return {"epoch": epoch, "epochs": 40, "eta_seconds": eta_seconds}


class ReplayClient:
    """Returns the states of each experiment one after another."""

    url = "http://here"

    def __init__(self, *states: list[Experiment]) -> None:
        self.states = {each[0]["id"]: iter(each) for each in states}
        self.requested: list[int] = []

    def experiment(self, experiment_id: int) -> Experiment:
        self.requested.append(experiment_id)
        return next(self.states[experiment_id])


@pytest.fixture(autouse=True)
def poll_without_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.cli.progress.POLL_SECONDS", 0)


def states_of(number: int = 1, end: str = "succeeded") -> list[Experiment]:
    return [
        experiment(number, "queued"),
        experiment(number, "running", progress=progress(1)),
        experiment(number, "running", progress=progress(20, 75.2)),
        experiment(number, end, progress=progress(40), summary=summary()),
    ]


def test_without_a_terminal_the_progress_is_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert follow(ReplayClient(states_of()), [1]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(
        "experiment 1: 0/40 epochs, queued\n"
        "experiment 1: 1/40 epochs, running\n"
        "experiment 1: 20/40 epochs, 75 s left\n"
        "experiment 1: 40/40 epochs, succeeded\n"
    )
    assert ESCAPE not in printed


def test_unchanged_progress_is_not_printed_again(capsys: pytest.CaptureFixture[str]) -> None:
    states = [experiment(1, "running", progress=progress(epoch)) for epoch in (0, 1, 2, 3)] + states_of()[-1:]
    follow(ReplayClient(states), [1])
    assert capsys.readouterr().out.count("running") == 1


@pytest.mark.parametrize("end", ["failed", "cancelled"])
def test_the_exit_code_says_whether_all_succeeded(end: str) -> None:
    assert follow(ReplayClient(states_of(1), states_of(2, end)), [1, 2]) == 1


def test_an_experiment_that_has_ended_is_not_read_again() -> None:
    client = ReplayClient([states_of(1)[-1]], states_of(2))
    follow(client, [1, 2])
    assert client.requested.count(1) == 1


def test_on_a_terminal_there_is_a_bar_per_experiment(monkeypatch: pytest.MonkeyPatch) -> None:
    class Tty(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", screen := Tty())
    assert follow(ReplayClient(states_of(1), states_of(2)), [1, 2]) == 0
    assert ESCAPE in screen.getvalue()
    assert "40/40 epochs, succeeded" in screen.getvalue()


def test_an_interruption_says_how_to_follow_again(capsys: pytest.CaptureFixture[str]) -> None:
    def states() -> Iterator[Experiment]:
        yield experiment(3, "running")
        raise KeyboardInterrupt

    client = ReplayClient([experiment(3)])
    client.states[3] = states()
    assert follow(client, [3]) == 130
    assert "holdout watch 3" in capsys.readouterr().out


def test_a_service_that_ends_with_the_command_is_not_linked(capsys: pytest.CaptureFixture[str]) -> None:
    follow(ReplayClient(states_of()), [1])
    assert "http://here/ui/experiments/1" in capsys.readouterr().out
    follow(ReplayClient(states_of()), [1], links=False)
    assert "http://" not in capsys.readouterr().out


def test_data_sets_are_listed_even_those_that_cannot_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    digits = {"name": "digits", "rows": 1797, "features": 64, "classes": [{}] * 10, "problem": None}
    broken = {"name": "torn", "rows": None, "features": None, "classes": None, "problem": "is [truncated]"}
    show_datasets([digits, broken])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1] == ["digits", "1,797", "64", "10"]
    assert lines[2] == ["torn", "-", "-", "-", "is", "[truncated]"]


def test_json_output_is_plain(capsys: pytest.CaptureFixture[str]) -> None:
    show_json({"ok": [1, None]})
    assert capsys.readouterr().out.split() == ["{", '"ok":', "[", "1,", "null", "]", "}"]


@pytest.mark.parametrize(("state", "code"), [("ok", 0), ("warn", 0), ("bad", 1)])
def test_only_a_bad_result_makes_doctor_fail(
    state: Any, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert show_checks([CheckResult("ok", "fine"), CheckResult(state, "look", "do this")]) == code
    printed = capsys.readouterr().out
    assert f"{state:<4}  look" in printed
    assert "      do this" in printed
