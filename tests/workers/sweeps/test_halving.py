"""The rungs of successive halving, and what they cost."""

import pytest

from tests.workers.sweeps.conftest import Faults, PlanSweep
from workers.sweeps.strategies import SuccessiveHalving


@pytest.mark.parametrize(
    ("epochs", "candidates", "rungs"),
    [(27, 27, [1, 3, 9]), (9, 9, [1, 3]), (20, 9, [2, 6]), (20, 2, []), (2, 9, []), (81, 9, [9, 27])],
)
def test_rungs_end_with_one_candidate_or_the_fewest_epochs(
    epochs: int, candidates: int, rungs: list[int]
) -> None:
    assert SuccessiveHalving().rungs(epochs, candidates) == rungs


def test_halving_costs_less_than_a_third_of_the_grid() -> None:
    strategy, epochs, left = SuccessiveHalving(), 27, 27
    cost, reached = 0, 0
    for rung in [*strategy.rungs(epochs, left), epochs]:
        cost += left * (rung - reached)
        left, reached = strategy.survivors(left), rung
    assert cost <= 0.15 * 27 * epochs


def test_candidates_are_held_at_the_first_rung(plan: PlanSweep) -> None:
    space = {"model.hidden": [[n] for n in range(1, 10)]}
    spec = {"dataset": "iris", "training": {"epochs": 9}}
    strategy = {"name": "successive_halving", "draw": "grid"}
    assert plan(spec=spec, space=space, strategy=strategy).first_rung == 1
    assert plan(spec=spec, space=space).first_rung is None


def test_epochs_are_not_swept_by_halving(faults: Faults) -> None:
    found = faults(space={"training.epochs": [3, 9]}, strategy="successive_halving")
    assert "same epochs" in found["space.training.epochs"]
