"""Rows that lie in training and in validation: counted before training, found in the summary, and kept apart on
request."""

from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.service.experiments.training import train_seed
from tests.service.fake_worker import FakeWorker

SPEC: dict[str, Any] = {"dataset": "noise", "model": {"hidden": [4]}, "training": {"epochs": 1}}
GROUPED = {"groups": "duplicates"}


@pytest.fixture(autouse=True)
def noise(client: TestClient) -> None:
    """Sixty random rows, each ten times: a model that remembers them seems to have learned something."""
    rows = np.random.default_rng(0).integers(0, 1000, (60, 3)).tolist()
    file = "a,b,c,label\n" + "".join(f"{a},{b},{c},{'xy'[i % 2]}\n" for i, (a, b, c) in enumerate(rows))
    head, *lines = file.splitlines()
    form = {"name": "noise", "format": "csv", "label": "label"}
    content = "\n".join([head, *(lines * 10)]).encode()
    assert client.post("/datasets", data=form, files={"file": content}).status_code == 201


def plan(client: TestClient, **spec: Any) -> dict[str, Any]:
    answer: dict[str, Any] = client.post("/experiments/validate", json=SPEC | spec).json()
    return answer


def test_equal_rows_are_counted_before_training(client: TestClient) -> None:
    ordinary = plan(client)
    assert ordinary["repeated_rows"] == {"validation": sum(ordinary["split_counts"]["validation"])}
    grouped = plan(client, split=GROUPED)
    assert grouped["repeated_rows"] == {"validation": 0}
    assert grouped["split_counts"] == {"train": [210, 210], "validation": [60, 60], "test": [30, 30]}
    folds = {"name": "cross_validation", "folds": 3}
    assert plan(client, split=folds)["repeated_rows"]["evaluation"] > 0
    assert plan(client, split=folds | GROUPED)["repeated_rows"] == {"validation": 0, "evaluation": 0}


@pytest.mark.parametrize(("split", "expected"), [({}, True), (GROUPED, False)])
def test_a_finding_says_how_many(
    app: FastAPI, client: TestClient, fake_worker: FakeWorker, split: dict[str, Any], expected: bool
) -> None:
    id_ = fake_worker.submit(**SPEC, split=split)
    fake_worker.claim()
    train_seed(app, fake_worker, id_, 0)
    findings = fake_worker.read(id_)["summary"]["findings"]
    found = [each for each in findings if each["code"] == "rows_repeated"]
    assert bool(found) is expected
    if found:
        assert found[0]["sentence"].startswith("120 of the 120 validation rows are equal to training rows: ")
        assert '"groups": "duplicates"' in found[0]["remedy"]
