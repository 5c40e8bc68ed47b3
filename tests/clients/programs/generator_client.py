"""Uses a running service with the client that openapi-generator generated for Python. The argument is its URL."""

import json
import sys

from holdout_pydantic import ApiClient, Configuration, EpochsApi, ExperimentsApi
from holdout_pydantic.exceptions import NotFoundException, UnprocessableEntityException
from holdout_pydantic.models import ExperimentSpec, Focal, Training
from holdout_pydantic.models.dataset1 import Dataset1
from holdout_pydantic.models.loss import Loss
from holdout_pydantic.models.loss_any_of import LossAnyOf

with ApiClient(Configuration(host=sys.argv[1])) as client:
    experiments, quick = ExperimentsApi(client), Training(epochs=3)
    iris = Dataset1("iris")
    spec = ExperimentSpec(
        dataset=iris, loss=Loss(LossAnyOf(Focal(name="focal", gamma=2.0))), training=quick, seeds=[0, 1]
    )
    accepted = experiments.submit_experiment(spec)
    experiments.submit_experiment(ExperimentSpec(dataset=iris, loss=Loss("focal"), training=quick))
    status = "queued"
    while status in ("queued", "running"):
        status = experiments.read_experiment(accepted.id, wait=20).status
    metrics = EpochsApi(client).read_metrics(accepted.id)
    accuracies = [float(row.accuracy) for row in metrics.items if row.accuracy is not None]
    try:
        experiments.submit_experiment(ExperimentSpec(seeds=[1, 1]))
    except UnprocessableEntityException as error:
        wrong = error
    try:
        experiments.read_experiment(999)
    except NotFoundException as error:
        missing = error
    assert missing.data is not None
    assert wrong.data is not None
    title = missing.data.title
    print(json.dumps([status, len(accuracies), wrong.status, len(wrong.data.errors), missing.status, title]))
