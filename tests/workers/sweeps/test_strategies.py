"""Every strategy: the same seed draws the same candidates, all are valid, and they fill the space as declared."""

from importlib.util import find_spec
from typing import Any, get_args

import numpy as np
import pytest

from tests.workers.sweeps.conftest import Faults, PlanSweep
from workers.sweeps.strategies import AnyAdaptive, AnyStrategy
from workers.tagged_union import names

STRATEGIES = names(get_args(AnyStrategy)[0])
if find_spec("optuna") is None:
    STRATEGIES = [name for name in STRATEGIES if name not in names(AnyAdaptive)]
DRAWN = [name for name in STRATEGIES if name != "grid"]
RATE = "optimizer.learning_rate"
SPACE = {
    RATE: {"log": [1e-4, 1e-1], "levels": 4},
    "loss": ["cross_entropy", {"name": "focal", "gamma": {"uniform": [0, 5], "levels": 3}}],
    "training.batch_size": {"integers": [8, 64], "levels": 2},
}
IRIS = {"dataset": "iris"}


def values(plan: PlanSweep, strategy: Any, candidates: int | None = 16) -> list[dict[str, Any]]:
    found = plan(spec=IRIS, space=SPACE, strategy=strategy, candidates=candidates).candidates
    return [each.values for each in found]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_strategy_stays_within_the_space(plan: PlanSweep, strategy: str) -> None:
    for each in values(plan, strategy, None if strategy == "grid" else 16):
        assert 1e-4 <= each[RATE] <= 1e-1
        assert 8 <= each["training.batch_size"] <= 64
        assert ("loss.gamma" in each) == (each["loss"] == "focal")


@pytest.mark.parametrize("strategy", DRAWN)
def test_the_seed_decides_the_candidates(plan: PlanSweep, strategy: str) -> None:
    first, again, other = (values(plan, {"name": strategy, "seed": seed}) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert len(first) == (8 if strategy in names(AnyAdaptive) else 16)


@pytest.mark.parametrize("strategy", ["sobol", "latin_hypercube"])
def test_a_design_puts_one_candidate_into_each_slice(plan: PlanSweep, strategy: str) -> None:
    found = plan(spec=IRIS, space={RATE: {"log": [1e-4, 1]}}, strategy=strategy, candidates=16).candidates
    exponents = [np.log10(each.values[RATE]) + 4 for each in found]
    assert sorted(int(exponent * 4) for exponent in exponents) == list(range(16))


def test_any_number_of_sobol_points_can_be_drawn(plan: PlanSweep) -> None:
    space = {RATE: {"log": [1e-4, 1]}}
    assert [
        len(plan(spec=IRIS, space=space, strategy="sobol", candidates=n).candidates) for n in (1, 2, 5)
    ] == [1, 2, 5]


def test_the_grid_has_every_combination(plan: PlanSweep) -> None:
    assert len(values(plan, "grid", None)) == 4 * (1 + 3) * 2


def test_a_grid_needs_levels_and_has_an_end(faults: Faults) -> None:
    found = faults(space={RATE: {"log": [1e-4, 1e-1]}, "loss": ["focal", "l2"]})
    assert "levels" in found[f"space.{RATE}"]
    large = {"training.epochs": {"integers": [1, 100]}, "training.batch_size": {"integers": [1, 100]}}
    assert "more than 1,000 candidates" in faults(space=large)["candidates"]
    assert (
        "more than 3 candidates"
        in faults(space={"training.epochs": [1, 2, 3, 4]}, candidates=3)["candidates"]
    )
