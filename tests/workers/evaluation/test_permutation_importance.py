"""Permutation importance, against scikit-learn on the same model and permutations."""

from typing import Any

import numpy as np
import pytest
from sklearn.inspection import permutation_importance

from tests.workers.data.preprocessing.mixed_tables import mixed_table
from workers.evaluation.permutation_importance import permutation_drops
from workers.predictor import Predictor
from workers.spec import ExperimentSpec
from workers.training import Trainer

REPEATS, SEED = 10, 7


class Model:
    """A trained model as an estimator of scikit-learn."""

    def __init__(self) -> None:
        spec = ExperimentSpec.model_validate({"model": {"hidden": [16]}, "training": {"epochs": 10}})
        self.part = mixed_table(300, seed=1)
        trainer = Trainer(spec, mixed_table(), self.part, seed=0)
        list(trainer.epochs())
        self.predictor = Predictor(spec, trainer.model(), classes=self.part.classes, image_shape=None)

    def fit(self, *_: Any) -> "Model":
        return self

    def score(self, rows: Any, labels: Any = None) -> float:
        predicted = self.predictor(np.ascontiguousarray(rows)).labels
        return float(np.mean(predicted == (self.part.labels if labels is None else labels)))


@pytest.fixture(scope="module")
def model() -> Model:
    return Model()


def orders_of_scikit_learn(rows: int) -> list[Any]:
    """It shuffles one order again and again, and a column that it has shuffled already."""
    seed = np.random.RandomState(SEED).randint(np.iinfo(np.int32).max + 1)
    generator, order, total = np.random.RandomState(seed), np.arange(rows), np.arange(rows)
    orders = []
    for _ in range(REPEATS):
        generator.shuffle(order)
        total = total[order]
        orders.append(total)
    return orders


def test_equals_scikit_learn_for_each_column_and_repeat(model: Model) -> None:
    features = model.part.features
    expected = permutation_importance(
        model, features, model.part.labels, n_repeats=REPEATS, random_state=SEED
    )
    drops = permutation_drops(model.score, features, orders_of_scikit_learn(len(features)))
    np.testing.assert_allclose(drops, expected.importances, atol=1e-12)
    assert set(np.argsort(-drops.mean(axis=1))[:3]) == {0, 3, 5}  # the class follows from these


def test_the_rows_stay_as_they_are_and_an_order_that_changes_nothing_drops_nothing(model: Model) -> None:
    before = model.part.features.copy()
    drops = permutation_drops(model.score, model.part.features, [np.arange(len(before))])
    np.testing.assert_array_equal(drops, 0)
    np.testing.assert_array_equal(model.part.features, before)
