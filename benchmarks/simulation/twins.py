"""Twins are experiments that differ by nothing: how often does a comparison name some of them better.

By the service's own functions: `measure` and `compare`, as a request calls them. Only the figures are drawn.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from types import SimpleNamespace
from typing import Any

import numpy as np

from service.experiments.comparisons import compare
from service.experiments.contenders import Contender, Pair
from service.experiments.measurements import measure
from service.experiments.row_differences import RowDifferences
from service.experiments.row_results import RowResultsLoader
from service.store.run_keys import RunKey
from workers.evaluation.row_results import RowResults

METRIC = "balanced_accuracy"
SEED_SD = 0.01
FOLDS, REPEATS, SEEDS = 5, 2, 3
CLASS_ROWS = (180, 60)
"""Validation rows of each class, as 1,200 rows of 900:300 give with a fifth in validation."""


@dataclass(frozen=True)
class Outcome:
    """In how many of the draws some pair had a `better`, and the share of all pairs that had one."""

    scenario: str
    draws: int
    some_better: float
    pairs_better: float


Draw = Callable[[np.random.Generator, int], list[Contender]]
"""Draws some twins."""


def over_folds(split_sd: float, *, repeats: int = REPEATS) -> Draw:
    """Cross-validations of twins: the split changes each by so many standard deviations of a seed.

    Training parts overlap. So a fifth of the variance, 1 / folds, is common to all folds of an experiment.
    """

    def draw(generator: np.random.Generator, twins: int) -> list[Contender]:
        shape = (twins, repeats, FOLDS, SEEDS)
        common = np.sqrt(1 / FOLDS) * generator.standard_normal((twins, 1, 1, 1))
        own = np.sqrt(1 - 1 / FOLDS) * generator.standard_normal((twins, repeats, FOLDS, 1))
        values = 0.9 + SEED_SD * (split_sd * (common + own) + generator.standard_normal(shape))
        split = {"name": "cross_validation", "folds": FOLDS, "repeats": repeats, "stratify": True}
        return [_contender(id_, split, _by_run(each), {}) for id_, each in enumerate(values)]

    return draw


def on_rows(generator: np.random.Generator, twins: int) -> list[Contender]:
    """Twins on the same validation rows. Some rows are hard for all, others for one of them or for one seed."""
    labels = np.repeat(np.arange(len(CLASS_ROWS)), CLASS_ROWS)
    hard_for_all = 1.5 * generator.standard_normal(len(labels))
    contenders = []
    for id_ in range(twins):
        hard = hard_for_all + 0.7 * generator.standard_normal(len(labels))
        right = generator.random((SEEDS, len(labels))) < _sigmoid(
            1.5 + hard + 0.1 * generator.standard_normal((SEEDS, 1))
        )
        predicted = np.where(right, labels, 1 - labels)
        recalls = [right[:, labels == k].mean(axis=1) for k in range(len(CLASS_ROWS))]
        values = np.mean(recalls, axis=0).reshape(1, 1, SEEDS)
        split = {"train": 0.7, "validation": 0.2, "test": 0.1, "stratify": True}
        contenders.append(_contender(id_, split, _by_run(values), _row_results(labels, predicted)))
    return contenders


def simulate(scenario: str, draw: Draw, *, twins: int, draws: int) -> Outcome:
    """Compare all pairs of so many twins, in so many draws with fixed seeds."""
    row_differences = RowDifferences(DrawnResults())
    pairs_better = []
    for seed in range(draws):
        contenders = draw(np.random.default_rng(seed), twins)
        pairs = [Pair(a, b, METRIC) for a, b in combinations(contenders, 2)]
        items = compare(pairs, measure(pairs, row_differences))
        pairs_better.append(np.mean([item.better is not None for item in items]))
    return Outcome(scenario, draws, float(np.mean(np.array(pairs_better) > 0)), float(np.mean(pairs_better)))


def outcomes(draws: int = 300) -> Iterator[Outcome]:
    """Each scenario with its outcome, in turn."""
    for split_sd in (1.0, 2.0):
        name = f"20 twins, cross-validation, split effect of {split_sd:g} seed sd"
        yield simulate(name, over_folds(split_sd), twins=20, draws=draws)
    yield simulate("5 twins on the same rows", on_rows, twins=5, draws=draws)


class DrawnResults(RowResultsLoader):
    """Finds the drawn results in the run itself, in place of the database."""

    def __init__(self) -> None:
        pass

    def load_all(self, runs: Sequence[Any]) -> list[RowResults]:
        return [run.results for run in runs]


def _sigmoid(logits: Any) -> Any:
    return 1 / (1 + np.exp(-logits))


def _by_run(values: Any) -> dict[RunKey, Any]:
    """values: (repeats, folds, seeds)."""
    return {RunKey(*key): SimpleNamespace(**{METRIC: float(value)}) for key, value in np.ndenumerate(values)}


def _row_results(labels: Any, predicted: Any) -> dict[RunKey, Any]:
    rows = np.arange(len(labels), dtype=np.uint32)
    found = {}
    for seed, each in enumerate(predicted):
        results = RowResults(rows, labels.astype(np.uint8), each.astype(np.uint8), None, None)
        found[RunKey(0, 0, seed)] = SimpleNamespace(sha256=each.tobytes().hex(), results=results)
    return found


def _contender(
    id_: int, split: dict[str, Any], figures: dict[RunKey, Any], row_results: dict[RunKey, Any]
) -> Contender:
    """An experiment as it would be read from the database."""
    rows = {"validation": list(CLASS_ROWS)}
    dataset = {"sha256": "twins", "name": "twins", "rows": 5 * sum(CLASS_ROWS), "classes": ["a", "b"]}
    experiment: Any = SimpleNamespace(
        id=id_,
        status="succeeded",
        spec={"split": split, "seeds": list(range(SEEDS)), "dataset": {}, "loss": {}},
        plan={"dataset": dataset, "split_counts": rows},
    )
    return Contender(experiment, f"'twin {id_}'", figures, row_results, {})
