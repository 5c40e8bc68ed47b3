"""Uses a running service with the client that openapi-python-client generated. The argument is its URL."""

import json
import sys

import httpx
from holdout_attrs import AuthenticatedClient
from holdout_attrs.api.epochs import read_metrics
from holdout_attrs.api.experiments import read_experiment, submit_experiment
from holdout_attrs.models import (
    MLP,
    Accepted,
    Experiment,
    ExperimentSpec,
    Focal,
    MetricsPage,
    Problem,
    Training,
)

# This client always requires a token. The service ignores any scheme other than Bearer.
with AuthenticatedClient(
    base_url=sys.argv[1], token="none", prefix="Open", timeout=httpx.Timeout(60)
) as client:
    quick = Training(epochs=3)
    spec = ExperimentSpec(
        dataset="iris",
        loss=Focal(name="focal", gamma=2.0),
        model=MLP(name="mlp", hidden=[8]),
        training=quick,
        seeds=[0, 1],
    )
    accepted = submit_experiment.sync(client=client, body=spec)
    assert isinstance(accepted, Accepted), accepted
    bare = submit_experiment.sync(
        client=client, body=ExperimentSpec(dataset="iris", loss="focal", training=quick)
    )
    assert isinstance(bare, Accepted), bare
    status = "queued"
    while status in ("queued", "running"):
        experiment = read_experiment.sync(accepted.id, client=client, wait=20)
        assert isinstance(experiment, Experiment)
        status = experiment.status
    metrics = read_metrics.sync(accepted.id, client=client)
    assert isinstance(metrics, MetricsPage)
    thinned = read_metrics.sync(accepted.id, client=client, max_points=4)
    assert isinstance(thinned, MetricsPage), thinned
    accuracies: list[float] = [row.accuracy for row in metrics.items if isinstance(row.accuracy, float)]
    wrong = submit_experiment.sync_detailed(client=client, body=ExperimentSpec(seeds=[1, 1]))
    assert isinstance(wrong.parsed, Problem)
    missing = read_experiment.sync_detailed(999, client=client)
    assert isinstance(missing.parsed, Problem)
    faults, title = len(wrong.parsed.errors), missing.parsed.title
    print(json.dumps([status, len(accuracies), wrong.status_code, faults, missing.status_code, title]))
