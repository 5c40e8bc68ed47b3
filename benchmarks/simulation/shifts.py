"""How often each detector of shift raises an alarm: about batches that have shifted, and about others."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from workers import scored_rows
from workers.checkpoint import Checkpoint
from workers.data.columns import Column
from workers.data.dataset import Dataset, Features
from workers.data.registry import DatasetRegistry
from workers.predictor import Predictor
from workers.shift.report import compare
from workers.shift.rows import Reference
from workers.spec import ExperimentSpec
from workers.training import Trainer

MNIST = Path(__file__).parents[3] / "shared" / "data" / "mnist"
MOST_REFERENCE = 8000
REFERENCE_ROWS = 1000
"""Of the validation rows that are drawn anew for each batch."""
Change = Callable[[Features, np.random.Generator], NDArray[np.float32]]


@dataclass(frozen=True)
class Population:
    """A model, the validation rows that it is compared with, and further rows that batches are drawn from."""

    predictor: Predictor
    reference: Reference
    pool: Dataset
    official_test: Dataset | None


@dataclass(frozen=True)
class Scenario:
    """Batches of so many rows that one change has moved."""

    name: str
    rows: int
    change: Change


def as_it_is(features: Features, _: np.random.Generator) -> NDArray[np.float32]:
    """No shift."""
    return features.astype(np.float32)


def translated(features: Features, _: np.random.Generator) -> NDArray[np.float32]:
    """Images of 28 x 28 one pixel to the right."""
    images = features.reshape(-1, 28, 28).astype(np.float32)
    moved = np.zeros_like(images)
    moved[:, :, 1:] = images[:, :, :-1]
    return moved.reshape(len(features), -1)


def noisy(features: Features, stream: np.random.Generator) -> NDArray[np.float32]:
    """Gaussian noise of severity 3: sd .18 on values from 0 to 1, clipped."""
    unit = features / np.float32(255)
    noise = stream.normal(0, 0.18, unit.shape).astype(np.float32)
    return np.asarray(np.clip(unit + noise, 0, 1) * np.float32(255), np.float32)


def scaled_column(features: Features, _: np.random.Generator) -> NDArray[np.float32]:
    """The first column times 1.2."""
    moved = features.astype(np.float32)
    moved[:, 0] *= np.float32(1.2)
    return moved


def mnist_population() -> Population:
    """A network trained on MNIST for 4 epochs."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "datasets").mkdir()
        (Path(folder) / "datasets" / "mnist").symlink_to(MNIST)
        registry = DatasetRegistry(Path(folder))
        spec = ExperimentSpec.model_validate(
            {
                "dataset": "mnist",
                "split": {"test": "official"},
                "training": {"epochs": 4},
                "model": {"hidden": [128]},
            }
        )
        prepared = registry.prepare_split(spec.dataset, spec.split)
        everything = np.arange(len(prepared.read("validation")))
        validation = prepared.read("validation").take(everything)
        official = registry.official_test(spec.dataset)
        test = None if official is None else official.take(np.arange(len(official)))
        return _population(spec, prepared.read("train"), validation, MOST_REFERENCE, test)


def table_population() -> Population:
    """A network trained on a table of four numbers and a category: age, income, height, size, town."""
    stream = np.random.default_rng(0)
    rows = 6000
    age, income = stream.normal(40, 12, rows), stream.lognormal(3, 1, rows)
    town = stream.choice(4, rows, p=[0.5, 0.3, 0.15, 0.05])
    numbers = [age, income, stream.normal(170, 10, rows), stream.gamma(2, 2, rows), town]
    labels = (age + 5 * town + stream.normal(0, 8, rows) > 45).astype(np.int64)
    columns = (
        *map(Column, ("age", "income", "height", "size")),
        Column("town", "category", ("a", "b", "c", "d")),
    )
    features = np.column_stack(numbers).astype(np.float32)
    whole = Dataset("people", features, labels, ("no", "yes"), columns=columns)
    spec = ExperimentSpec.model_validate({"training": {"epochs": 4}, "model": {"hidden": [16]}})
    train, validation = whole.take(np.arange(3000)), whole.take(np.arange(3000, rows))
    return _population(spec, train, validation, 1500, None)


def _population(
    spec: ExperimentSpec, train: Dataset, validation: Dataset, most: int, test: Dataset | None
) -> Population:
    trainer = Trainer(spec, train, validation, seed=0)
    for _ in trainer.epochs():
        pass
    model = Checkpoint.from_bytes(trainer.model().to_bytes())
    predictor = Predictor(spec, model, classes=train.classes, image_shape=train.shape)
    stream = np.random.default_rng(1)
    order = stream.permutation(len(validation))
    known, pool = validation.take(np.sort(order[:most])), validation.take(np.sort(order[most:]))
    return Population(predictor, scored_rows.reference(predictor, known, stream), pool, test)


def fresh_reference(
    population: Population, rows: int, stream: np.random.Generator
) -> tuple[Reference, Features]:
    """So many rows of the pool as validation rows, and the features of the others.

    A level is that of one reference and one batch, both drawn: batches that share a reference share its chances.
    """
    order = stream.permutation(len(population.pool))
    known = population.pool.take(np.sort(order[:rows]))
    return scored_rows.reference(population.predictor, known, stream), population.pool.features[order[rows:]]


def alarms(population: Population, scenario: Scenario, batches: int, seed: int = 2) -> dict[str, float]:
    """The share of batches that each detector, and all together, raise an alarm about. Each has a fresh reference."""
    stream = np.random.default_rng(seed)
    counts: dict[str, int] = {}
    for _ in range(batches):
        reference, rest = fresh_reference(population, REFERENCE_ROWS, stream)
        drawn = rest[stream.choice(len(rest), scenario.rows, replace=False)]
        changed = scenario.change(drawn, stream)
        report = compare(reference, scored_rows.score(population.predictor, changed, stream), stream)
        raised = {each.name: each.is_alarm for each in report.detections} | {"together": report.has_shifted}
        for name, is_alarm in raised.items():
            counts[name] = counts.get(name, 0) + is_alarm
    return {name: count / batches for name, count in counts.items()}


def official_test_p_values(population: Population, batches: int) -> dict[str, list[float]]:
    """The p-values of each detector for batches of 1,000 rows of the official test part."""
    stream, found = np.random.default_rng(3), dict[str, list[float]]()
    assert population.official_test is not None
    for _ in range(batches):
        chosen = stream.choice(len(population.official_test), 1000, replace=False)
        rows = population.official_test.features[chosen]
        report = compare(population.reference, scored_rows.score(population.predictor, rows, stream), stream)
        for each in report.detections:
            found.setdefault(each.name, []).append(each.p_value)
        found.setdefault("together", []).append(report.p_value)
    return found


@dataclass(frozen=True)
class PriorErrors:
    """The L1 distance of each estimate to the true prior, accuracies before and after weighting by EM, and balanced
    accuracies, the last ones of predictions that are weighted to equal shares.
    """

    black_box: float
    em: float
    accuracy: float
    reweighted: float
    promised: float
    balanced: float
    reweighted_balanced: float
    equalised_balanced: float
    equalised_promised: float


def prior_errors(population: Population, batches: int) -> Iterator[PriorErrors]:
    """Batches of 2,000 rows of the pool whose classes have shares from .30 down to .01, in a random order."""
    stream = np.random.default_rng(4)
    shares = np.geomspace(0.30, 0.01, len(population.pool.classes))
    shares[1:-1] *= (1 - 0.31) / shares[1:-1].sum()
    for _ in range(batches):
        counts = np.round(2000 * stream.permutation(shares)).astype(int)
        prior = counts / counts.sum()
        rows = np.concatenate(
            [
                stream.choice(np.flatnonzero(population.pool.labels == k), count)
                for k, count in enumerate(counts.tolist())
            ]
        )
        labels = population.pool.labels[rows]
        scored = scored_rows.score(population.predictor, population.pool.features[rows], stream, labels)
        report = compare(population.reference, scored, stream)
        estimate, labelled = report.prior, report.labelled
        assert estimate is not None
        assert labelled is not None
        assert estimate.black_box is not None
        assert estimate.em is not None
        assert estimate.reweighting is not None
        assert estimate.equalising is not None
        before, after, equalised = labelled.measured, labelled.reweighted, labelled.equalised
        assert after is not None
        assert equalised is not None
        assert before.balanced is not None
        assert after.balanced is not None
        assert equalised.balanced is not None
        yield PriorErrors(
            black_box=float(np.abs(estimate.black_box.prior - prior).sum()),
            em=float(np.abs(estimate.em - prior).sum()),
            accuracy=before.accuracy.after or 0.0,
            reweighted=after.accuracy.after or 0.0,
            promised=estimate.reweighting.expected.accuracy,
            balanced=before.balanced.after,
            reweighted_balanced=after.balanced.after,
            equalised_balanced=equalised.balanced.after,
            equalised_promised=estimate.equalising.expected.balanced_accuracy,
        )
