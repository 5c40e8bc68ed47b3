"""The plan of an experiment: what is known, and what is refused, before training starts."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, is_dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.corruptions.choice import unfit
from workers.data.dataset import Dataset, Indices
from workers.data.errors import DatasetChanged, NoOfficialTest, UnknownDataset
from workers.data.exposed_rows import ExposedRows
from workers.data.gaps_of_split import ColumnGaps
from workers.data.planning_data import PlanningData
from workers.data.splits import Fold, Part
from workers.method_warnings import Warning, WarningContext, find_warnings
from workers.nn.arrays import Array, Integers
from workers.nn.network import parameter_count
from workers.spec import ExperimentSpec
from workers.spec_rules import broken_rules, broken_selection
from workers.step import split_into_steps
from workers.tasks import resolved, task_of
from workers.tasks.task import BalancedBins
from workers.validation.errors import FieldError, InvalidSpec

Counts = dict[str, list[int]]
"""Rows of each class (K,) in each part."""

MOST_PARAMETERS = 100_000_000
"""400 MB in float32; with Adam, three times as much."""


@dataclass(frozen=True, eq=False)
class Plan:
    """A resolved spec, and the facts that follow from it and its data.

    fold_counts: for each fold, the rows of each class in its parts; an experiment with one split has one.
    sampled_counts: expected examples of each class per epoch, as the balancing draws them, in the first fold.
    input_features: of a row as the network reads it, so of a table once it is encoded. steps: of the longest run
    without early stopping; 0 if it is solved. exposed: the rows that training or validation will read. repeated_rows:
    how many rows of each other part but the test are equal to training rows, in the first fold. gaps: the columns of
    a table with missing values or unknown levels.
    """

    spec: ExperimentSpec
    dataset: Dataset
    fold_counts: dict[Fold, Counts]
    sampled_counts: list[float]
    input_features: int
    parameters: int
    steps: int
    warnings: tuple[Warning, ...]
    exposed: ExposedRows
    repeated_rows: Mapping[Part, int]
    gaps: Sequence[ColumnGaps]

    @property
    def split_counts(self) -> Counts:
        """Rows of each class in each part, of the first fold."""
        return self.fold_counts[Fold()]

    @cached_property
    def spec_hash(self) -> str:
        """That of the resolved spec."""
        return self.spec.spec_hash

    @property
    def runs(self) -> int:
        """How many runs the experiment has."""
        return len(self.fold_counts) * len(self.spec.seeds)

    def facts(self) -> dict[str, Any]:
        """The plan without the spec and the warnings, as JSON."""
        data = self.dataset
        return {
            "task": self.spec.task,
            "dataset": {
                "name": data.name,
                "sha256": data.sha256,
                "rows": len(data),
                "features": data.features.shape[1],
                "shape": data.shape,
                "classes": list(data.classes),
            },
            "split_counts": self.split_counts,
            "folds": self._folds(),
            "runs": self.runs,
            "repeated_rows": dict(self.repeated_rows),
            "gaps": [{**asdict(each), "levels": list(each.levels)} for each in self.gaps],
            "sampled_counts": self.sampled_counts,
            "input_features": self.input_features,
            "parameters": self.parameters,
            "steps": self.steps,
        }

    def _folds(self) -> list[dict[str, Any]] | None:
        if len(self.fold_counts) == 1:
            return None
        return [{**fold._asdict(), "split_counts": counts} for fold, counts in self.fold_counts.items()]


def make_plan(spec: ExperimentSpec, registry: PlanningData) -> Plan:
    """Resolve a spec against its data, and pin the content it names. Raises InvalidSpec with every error."""
    dataset_errors: list[FieldError] = []
    found = _dataset(spec, registry, dataset_errors)
    spec = resolved(spec, found)
    field_errors = broken_rules(spec)
    if any(error.path == "split" for error in field_errors):  # to divide too many folds would take minutes
        raise InvalidSpec(field_errors)
    field_errors += dataset_errors
    if found is None:
        raise InvalidSpec(field_errors)
    dataset, fold_counts = _data(spec, registry, found, field_errors)
    if dataset is None:
        raise InvalidSpec(field_errors)
    if spec.task == "regression" and dataset.targets is None:
        message = f"'{dataset.name}' has classes, and no numbers to predict"
        raise InvalidSpec([*field_errors, FieldError("task", spec.task, message)])
    field_errors += unfit(
        spec.robustness, are_images=dataset.shape is not None, path="robustness.corruptions"
    )
    field_errors += _first(broken_selection(spec, counts["validation"]) for counts in fold_counts.values())
    bins = {
        fold: task_of(spec).balanced_bins(
            dataset, partial(_training_rows, registry, spec, fold), np.array(counts["train"])
        )
        for fold, counts in fold_counts.items()
    }
    sampled = _sampled_counts(spec, fold_counts, bins, field_errors)
    width = _input_width(spec, dataset, registry)
    parameters = _parameters(spec, dataset, width, field_errors)
    if field_errors or sampled is None:
        raise InvalidSpec(field_errors)
    pinned = _resolved(spec, dataset)
    return Plan(
        spec=pinned,
        dataset=dataset,
        fold_counts=fold_counts,
        sampled_counts=sampled.tolist(),
        input_features=width,
        parameters=parameters,
        steps=max(_steps(spec, each.counts) for each in bins.values()),
        warnings=tuple(
            find_warnings(
                WarningContext(
                    pinned,
                    dataset.classes,
                    fold_counts[Fold()],
                    sampled,
                    _evaluated(fold_counts),
                    registry.far_rows(spec.dataset, spec.split, pinned.scaling),
                    dataset.shape,
                    _training_targets(spec, dataset, registry),
                    parameters,
                )
            )
        ),
        exposed=registry.exposed_rows(spec.dataset, spec.split),
        repeated_rows=registry.repeated_rows(spec.dataset, spec.split),
        gaps=registry.gaps(spec.dataset, spec.split),
    )


def _evaluated(fold_counts: Mapping[Fold, Counts]) -> list[int]:
    """Rows of each class (K,) in the evaluation parts of all folds of a repeat; empty without such parts."""
    parts = [counts.get("evaluation", []) for fold, counts in fold_counts.items() if fold.repeat == 0]
    return [sum(rows) for rows in zip(*parts, strict=True)]


def _first(of_folds: Iterator[list[FieldError]]) -> list[FieldError]:
    """The errors of the first fold that has any."""
    return next((errors for errors in of_folds if errors), [])


def _resolved(spec: ExperimentSpec, dataset: Dataset) -> ExperimentSpec:
    """The spec with the content, the scaling and the epochs that it means for this data set."""
    pinned = replace(spec.dataset, sha256=dataset.sha256)
    training = replace(spec.training, epochs=1) if spec.model.solved else spec.training
    changes = {"dataset": pinned, "scaling": spec.scaling.resolved(dataset), "training": training}
    return spec.model_copy(update=changes)


def _training_rows(registry: PlanningData, spec: ExperimentSpec, fold: Fold) -> Indices:
    return registry.split_rows(spec.dataset, spec.split, fold).train


def _training_targets(
    spec: ExperimentSpec, dataset: Dataset, registry: PlanningData
) -> NDArray[np.float64] | None:
    """The numbers (n,) that the first fold of a regression trains on; None for a classification."""
    if spec.task != "regression" or dataset.targets is None:
        return None
    return dataset.targets[_training_rows(registry, spec, Fold())]


def _steps(spec: ExperimentSpec, training: Integers) -> int:
    """The steps of a run with so many training rows of each class, or of what the balancing balances."""
    if spec.model.solved:
        return 0
    rows = spec.balancing.epoch_rows(training)
    per_epoch = len(split_into_steps(rows, spec.training.batch_size, spec.training.accumulate))
    return spec.training.epochs * per_epoch


def _dataset(spec: ExperimentSpec, registry: PlanningData, field_errors: list[FieldError]) -> Dataset | None:
    with _collecting(field_errors, "dataset", spec.dataset.name):
        return registry.load(spec.dataset)
    return None


def _data(
    spec: ExperimentSpec, registry: PlanningData, dataset: Dataset, field_errors: list[FieldError]
) -> tuple[Dataset | None, dict[Fold, Counts]]:
    """Count the rows of each class in each part of each fold; None if the split cannot divide the data set."""
    with _collecting(field_errors, "split", spec.split):
        counts = registry.fold_counts(spec.dataset, spec.split)
        return dataset, {
            fold: {str(part): list(rows) for part, rows in of_fold.items()}
            for fold, of_fold in counts.items()
        }
    return None, {}


def _sampled_counts(
    spec: ExperimentSpec,
    fold_counts: Mapping[Fold, Counts],
    bins: Mapping[Fold, BalancedBins],
    field_errors: list[FieldError],
) -> Array | None:
    """Expected examples of each class (K,) per epoch of the first fold; None if the counts of a fold do not do."""
    different = {
        (*counts["train"], *bins[fold].counts.tolist()): fold
        for fold, counts in reversed(list(fold_counts.items()))
    }
    first: Array | None = None
    for fold in sorted(different.values()):
        sampled = _sampled_counts_of(spec, np.array(fold_counts[fold]["train"]), bins[fold], field_errors)
        if sampled is None or field_errors:
            return None
        first = sampled if first is None else first
    return first


def _sampled_counts_of(
    spec: ExperimentSpec, counts: Integers, bins: BalancedBins, field_errors: list[FieldError]
) -> Array | None:
    """Expected examples of each class (K,) per epoch; None if the balancing cannot work with the counts (K,)."""
    sampled = None
    with _collecting(field_errors, "balancing", spec.balancing.name):
        spec.balancing.require(bins.counts, bins.names)
        sampled = bins.of_classes(spec.balancing.expected_counts(bins.counts))
    if sampled is None:
        return None
    with _collecting(field_errors, "class_weights", spec.class_weights.name):
        spec.class_weights(sampled)
    with _collecting(field_errors, "loss", spec.loss.name):
        spec.loss.with_class_counts(sampled)
    with _collecting(field_errors, "prediction", spec.prediction.name):
        spec.prediction.offset(counts, sampled)
    return sampled


def _input_width(spec: ExperimentSpec, dataset: Dataset, registry: PlanningData) -> int:
    """The features of a row as the network reads it, in the first fold: those of a table are encoded."""
    if dataset.columns is None:
        return int(dataset.features.shape[1])
    return registry.input_width(spec.dataset, spec.split, spec.preprocessing)


def _parameters(spec: ExperimentSpec, dataset: Dataset, features: int, field_errors: list[FieldError]) -> int:
    classes = len(dataset.classes)
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
    """Catch a ValueError, and add it as an error of the field at `path`. value: a variant is given as its fields."""
    try:
        yield
    except ValueError as error:
        given = asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
        field_errors.append(FieldError(PATHS.get(type(error), path), given, str(error)))
