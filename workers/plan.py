"""The plan of an experiment: what is known, and what is refused, before training starts."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from workers.data.dataset import Dataset
from workers.data.errors import DatasetChanged, NoOfficialTest, UnknownDataset
from workers.data.registry import DatasetRegistry
from workers.method_warnings import Warning, find_warnings
from workers.nn.arrays import Array
from workers.nn.network import parameter_count
from workers.spec import ExperimentSpec
from workers.spec_rules import broken_rules, broken_selection
from workers.step import split_into_steps
from workers.validation.errors import FieldError, InvalidSpec

MOST_PARAMETERS = 100_000_000
"""400 MB in float32; with Adam, three times as much."""


@dataclass(frozen=True, eq=False)
class Plan:
    """A resolved spec, and the facts that follow from it and its data.

    split_counts: rows of each class in the parts train, validation and test. sampled_counts: expected examples of
    each class per epoch, as the balancing draws them. steps: of one run without early stopping; 0 if it is solved.
    """

    spec: ExperimentSpec
    dataset: Dataset
    split_counts: dict[str, list[int]]
    sampled_counts: list[float]
    parameters: int
    steps: int
    warnings: tuple[Warning, ...]

    def facts(self) -> dict[str, Any]:
        """The plan without the spec and the warnings, as JSON."""
        data = self.dataset
        return {
            "dataset": {
                "name": data.name,
                "sha256": data.sha256,
                "rows": len(data),
                "features": data.features.shape[1],
                "shape": data.shape,
                "classes": list(data.classes),
            },
            "split_counts": self.split_counts,
            "sampled_counts": self.sampled_counts,
            "parameters": self.parameters,
            "steps": self.steps,
        }


def make_plan(spec: ExperimentSpec, registry: DatasetRegistry) -> Plan:
    """Resolve a spec against its data, and pin the content it names. Raises InvalidSpec with every error."""
    field_errors = broken_rules(spec)
    dataset, split_counts = _data(spec, registry, field_errors)
    if dataset is None:
        raise InvalidSpec(field_errors)
    field_errors += broken_selection(spec, split_counts["validation"])
    sampled = _sampled_counts(spec, split_counts["train"], dataset.classes, field_errors)
    parameters = _parameters(spec, dataset, field_errors)
    if field_errors or sampled is None:
        raise InvalidSpec(field_errors)
    return Plan(
        spec=_resolved(spec, dataset),
        dataset=dataset,
        split_counts=split_counts,
        sampled_counts=sampled.tolist(),
        parameters=parameters,
        steps=_steps(spec, split_counts["train"]),
        warnings=tuple(find_warnings(spec, dataset.classes, split_counts, sampled)),
    )


def _resolved(spec: ExperimentSpec, dataset: Dataset) -> ExperimentSpec:
    """The spec with the content, the scaling and the epochs that it means for this data set."""
    pinned = replace(spec.dataset, sha256=dataset.sha256)
    training = replace(spec.training, epochs=1) if spec.model.solved else spec.training
    resolved = {"dataset": pinned, "scaling": spec.scaling.resolved(dataset), "training": training}
    return spec.model_copy(update=resolved)


def _steps(spec: ExperimentSpec, training_counts: list[int]) -> int:
    if spec.model.solved:
        return 0
    rows = spec.balancing.epoch_rows(np.array(training_counts))
    per_epoch = len(split_into_steps(rows, spec.training.batch_size, spec.training.accumulate))
    return spec.training.epochs * per_epoch


def _data(
    spec: ExperimentSpec, registry: DatasetRegistry, field_errors: list[FieldError]
) -> tuple[Dataset | None, dict[str, list[int]]]:
    """Load the data set and count the rows of each class in each part."""
    dataset = None
    with _collecting(field_errors, "dataset", spec.dataset.name):
        dataset = registry.load(spec.dataset)
    if dataset is None:
        return None, {}
    with _collecting(field_errors, "split", asdict(spec.split)):
        counts = registry.split_counts(spec.dataset, spec.split)
        return dataset, {str(part): list(rows) for part, rows in counts.items()}
    return None, {}


def _sampled_counts(
    spec: ExperimentSpec, training: list[int], classes: Sequence[str], field_errors: list[FieldError]
) -> Array | None:
    """Expected examples of each class (K,) per epoch; None if the balancing cannot work with the counts."""
    counts = np.array(training)
    sampled = None
    with _collecting(field_errors, "balancing", spec.balancing.name):
        spec.balancing.require(counts, classes)
        sampled = spec.balancing.expected_counts(counts)
    if sampled is None:
        return None
    with _collecting(field_errors, "class_weights", spec.class_weights.name):
        spec.class_weights(sampled)
    with _collecting(field_errors, "loss", spec.loss.name):
        spec.loss.with_class_counts(sampled)
    with _collecting(field_errors, "prediction", spec.prediction.name):
        spec.prediction.offset(counts, sampled)
    return sampled


def _parameters(spec: ExperimentSpec, dataset: Dataset, field_errors: list[FieldError]) -> int:
    features, classes = dataset.features.shape[1], len(dataset.classes)
    parameters = 0
    with _collecting(field_errors, "model", spec.model.name):
        task = spec.network_task(features=features, classes=classes, image_shape=dataset.shape)
        parameters = parameter_count(spec.model, task)
    if parameters > MOST_PARAMETERS:
        message = f"the network has {parameters:,} parameters; at most {MOST_PARAMETERS:,} are trained here"
        field_errors.append(FieldError("model", spec.model.name, message))
    return parameters


PATHS: dict[type[ValueError], str] = {
    UnknownDataset: "dataset.name",
    DatasetChanged: "dataset.sha256",
    NoOfficialTest: "split.test",
}
"""The path of an error, more precise than that of the field in which it was raised."""


@contextmanager
def _collecting(field_errors: list[FieldError], path: str, value: Any) -> Iterator[None]:
    """Catch a ValueError, and add it as an error of the field at `path`."""
    try:
        yield
    except ValueError as error:
        field_errors.append(FieldError(PATHS.get(type(error), path), value, str(error)))
