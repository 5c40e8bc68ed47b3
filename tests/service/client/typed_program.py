"""A program that uses the client: its types are what a reader expects. mypy checks it; it is not run."""

from typing import Any, assert_type

import numpy as np

from service.client import (
    Chart,
    Client,
    Comparison,
    ConfusionMatrix,
    Dataset,
    Experiment,
    Inspection,
    Leaderboard,
    RequestRefused,
    Sweep,
    Table,
)


def train(client: Client) -> None:
    """Submit, wait, read."""
    experiment = client.submit(dataset="iris", seeds=[0, 1])
    assert_type(experiment, Experiment)
    assert_type(experiment.wait(timeout=60, progress=False), Experiment)
    metrics = experiment.metrics(split="validation", seed=0)
    assert_type(metrics, Table)
    assert_type(metrics["accuracy"], np.ndarray[Any, Any])
    assert_type(metrics[0], dict[str, Any])
    assert_type(metrics[:2], Table)
    assert_type(experiment.confusion(), ConfusionMatrix)
    assert_type(experiment.chart("classes"), Chart)
    assert_type(experiment.predict([[5.1, 3.5, 1.4, 0.2]]), Table)
    assert_type(client.compare([experiment, 2], reference=experiment), Comparison)


def rank(client: Client) -> int | None:
    """A sweep and its leaderboard."""
    sweep = client.sweep(spec={"dataset": "iris"}, preset="losses", key="tonight")
    assert_type(client.sweep(7), Sweep)
    assert_type(sweep.wait(), Sweep)
    leaderboard = sweep.leaderboard("macro_f1")
    assert_type(leaderboard, Leaderboard)
    return leaderboard.recommended


def upload(client: Client) -> str:
    """A data set, or why it was refused."""
    try:
        inspection = client.inspect("rows.csv", label="species")
        assert_type(inspection, Inspection)
        dataset = client.upload("rows.csv", "flowers", label="species")
        assert_type(dataset, Dataset)
    except RequestRefused as refused:
        return f"{refused.status}: {refused.problem['detail']}"
    return dataset.name
