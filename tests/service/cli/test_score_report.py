"""The tables of curves, reliability, operating points and importance, from answers of the service itself."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from rich.console import Console

from service.cli.score_report import show_curves, show_importance, show_operating_points, show_reliability
from service.client.api import Api
from tests.service.experiments.training import train_seed
from tests.service.fake_worker import FakeWorker

DATASET = {"name": "synthetic", "counts": [300, 60], "features": 3, "separation": 1.0}
SHOWN: dict[str, Callable[[Console, dict[str, Any]], None]] = {
    "curves": show_curves,
    "reliability": show_reliability,
    "operating-points": show_operating_points,
    "importance": show_importance,
}


@pytest.fixture
def experiment(app: FastAPI, fake_worker: FakeWorker) -> int:
    """Of two seeds, with a threshold."""
    spec = {"dataset": DATASET, "model": {"hidden": [6]}, "training": {"epochs": 3}, "seeds": [4, 7]}
    id_ = fake_worker.submit(**spec, prediction="threshold")
    for seed in (4, 7):
        fake_worker.claim()
        train_seed(app, fake_worker, id_, seed)
    return id_


def answer(fake_worker: FakeWorker, experiment: int, resource: str) -> dict[str, Any]:
    response = fake_worker.client.get(f"/experiments/{experiment}/{resource}")
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def printed(fake_worker: FakeWorker, experiment: int, resource: str) -> list[str]:
    console = Console(file=io.StringIO(), width=120, highlight=False)
    SHOWN[resource](console, answer(fake_worker, experiment, resource))
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text.splitlines()


def test_curves_have_a_row_for_each_seed(fake_worker: FakeWorker, experiment: int) -> None:
    lines, curves = printed(fake_worker, experiment, "curves"), answer(fake_worker, experiment, "curves")
    for line, run in zip(lines[1:3], curves["runs"], strict=True):
        area, low, high = (f"{run[name]:.3f}" for name in ("auroc", "auroc_low", "auroc_high"))
        figures = [str(run["epoch"]), str(run["rows"]), area, f"[{low},", f"{high}]"]
        assert line.split() == [str(run["seed"]), "0", "0", *figures, f"{run['average_precision']:.3f}"]
    assert lines[3].startswith("Positive is '1', with a share of 0.1")


def test_reliability_has_the_bins_of_all_seeds_together(fake_worker: FakeWorker, experiment: int) -> None:
    lines = printed(fake_worker, experiment, "reliability")
    found = answer(fake_worker, experiment, "reliability")
    last = [each for each in found["items"] if each["high"] == 1]
    rows = sum(each["rows"] for each in last)
    right = sum(each["rows"] * each["accuracy"] for each in last)
    (line,) = (line for line in lines if line.startswith("0.933 to 1.000"))
    assert line.split()[3] == str(rows)
    assert line.split()[-1] == f"{right / rows:.3f}"
    assert f"{found['runs'][0]['ece']:.4f}" in lines[1]


def test_importance_has_a_row_for_each_column_and_says_of_what(
    fake_worker: FakeWorker, experiment: int
) -> None:
    lines = printed(fake_worker, experiment, "importance")
    found = answer(fake_worker, experiment, "importance")
    for line, item in zip(lines[1:4], found["items"], strict=True):
        figures = [f"{item[name]:.3f}" for name in ("importance", "run_sd", "repeat_sd")]
        assert line.startswith(item["column"])
        assert all(figure in line for figure in figures)
    assert found["sentence"] in lines[4]
    assert "2 of 2 models x 5 permutations" in lines[5]


def test_operating_points_say_if_they_are_too_good(fake_worker: FakeWorker, experiment: int) -> None:
    lines = printed(fake_worker, experiment, "operating-points")
    first = answer(fake_worker, experiment, "operating-points")["items"][0]
    assert f"{first['threshold']:.4f}" in lines[1]
    assert lines[1].split()[-4:] == [
        str(first[f"{kind}_{sign}"])
        for kind, sign in (
            ("true", "positives"),
            ("false", "positives"),
            ("false", "negatives"),
            ("true", "negatives"),
        )
    ]
    assert lines[-1] == "These rows chose the thresholds, so the figures are too good."


def test_the_client_asks_for_each(
    fake_worker: FakeWorker, experiment: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Api("http://testserver")
    monkeypatch.setattr(client, "_http", fake_worker.client)
    for resource in SHOWN:
        assert client.scores(experiment, resource) == answer(fake_worker, experiment, resource)
    assert "".join(client.csv(experiment, "curves")).startswith("seed,repeat,fold,threshold,recall")
