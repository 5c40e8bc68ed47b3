"""Which task an experiment has: the one that its spec names, or else the one of its data set."""

from dataclasses import replace

from workers.data.dataset import Dataset
from workers.spec import ExperimentSpec
from workers.tasks.classification import Classification
from workers.tasks.regression import Regression
from workers.tasks.task import LearningTask

TASKS: dict[str, LearningTask] = {"classification": Classification(), "regression": Regression()}


def task_of(spec: ExperimentSpec) -> LearningTask:
    """The task of a resolved spec; one that was stored before there were tasks is a classification."""
    return TASKS[spec.task or "classification"]


def resolved(spec: ExperimentSpec, dataset: Dataset | None) -> ExperimentSpec:
    """The spec with its task, its selection metric, and a loss that fits if it names none.

    dataset: the one that the spec names, or a part of it; None if it could not be read.
    """
    numbers = dataset is not None and dataset.targets is not None
    task = TASKS[spec.task or ("regression" if numbers else "classification")]
    spec = task.resolved(spec.model_copy(update={"task": task.name}))
    stopping = spec.training.early_stopping
    if stopping is None or stopping.metric is not None:
        return spec
    stopping = replace(stopping, metric=task.default_metric)
    return spec.model_copy(update={"training": replace(spec.training, early_stopping=stopping)})
