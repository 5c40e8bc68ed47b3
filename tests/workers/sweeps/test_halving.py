"""The rungs of successive halving, and what they cost."""

import pytest

from tests.workers.sweeps.conftest import Faults, PlanSweep
from workers.sweeps.strategies import Hyperband, SuccessiveHalving


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
    assert plan(spec=spec, space=space, strategy=strategy).first_rungs == dict.fromkeys(range(9), 1)
    assert plan(spec=spec, space=space).first_rungs == {}


def test_epochs_are_not_swept_by_halving(faults: Faults) -> None:
    found = faults(space={"training.epochs": [3, 9]}, strategy="successive_halving")
    assert "same epochs" in found["space.training.epochs"]


@pytest.mark.parametrize(
    ("candidates", "brackets"),
    [
        (17, [(9, [1, 3]), (5, [3]), (3, [])]),
        (34, [(18, [1, 3]), (10, [3]), (6, [])]),
        (4, [(2, []), (1, []), (1, [])]),
    ],
)
def test_hyperband_begins_with_more_candidates_where_they_train_less(
    candidates: int, brackets: list[tuple[int, list[int]]]
) -> None:
    found = Hyperband().brackets(9, candidates)
    assert [(len(each.numbers), list(each.rungs)) for each in found] == brackets
    assert [number for each in found for number in each.numbers] == list(range(candidates))


def test_the_brackets_of_hyperband_train_about_as_many_epochs() -> None:
    strategy, epochs = Hyperband(), 27
    spent = []
    for bracket in strategy.brackets(epochs, sum(strategy._sizes(epochs))):
        left, reached, total = len(bracket.numbers), 0, 0
        for rung in [*bracket.rungs, epochs]:
            total, left, reached = total + left * (rung - reached), strategy.survivors(left), rung
        spent.append(total)
    assert max(spent) < 2 * min(spent)
