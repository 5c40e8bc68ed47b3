"""Strategies that learn: each candidate follows from the seed and the values of earlier ones, and is a new one."""

import importlib.util
import json
import math
from typing import Any, get_args

import pytest

from tests.workers.sweeps.conftest import Faults, PlanSweep
from workers.data.registry import DatasetRegistry
from workers.sweeps.candidate import Candidate
from workers.sweeps.next_candidates import EarlierCandidate, next_candidates
from workers.sweeps.request import SweepRequest
from workers.sweeps.strategies import AdaptiveStrategy, CandidateOutcome, OptunaSearch

pytest.importorskip("optuna", reason="the extra optuna is not installed")

RATE = "optimizer.learning_rate"
SPACE = {
    RATE: {"log": [1e-4, 1e-1]},
    "loss": ["cross_entropy", {"name": "focal", "gamma": {"uniform": [0, 5]}}],
    "training.batch_size": {"integers": [8, 64], "step": 8},
}
REQUEST: dict[str, Any] = {"spec": {"dataset": "iris"}, "space": SPACE, "strategy": "tpe", "candidates": 24}


def value(candidate: Candidate) -> float:
    """The best learning rate is 0.01."""
    return -abs(math.log10(candidate.values.get(RATE, 0.01)) + 2)


def ended(number: int, candidate: Candidate, status: Any = "succeeded") -> EarlierCandidate:
    remembered = json.loads(json.dumps(candidate.remembered))  # as the database returns it
    told = CandidateOutcome(number, remembered, status, value(candidate) if status == "succeeded" else None)
    return EarlierCandidate(told, candidate.plan.spec_hash)


def search(
    plan: PlanSweep, registry: DatasetRegistry, statuses: Any = None, **changes: Any
) -> list[Candidate]:
    """The candidates of a sweep, of which each ends before the next one is chosen."""
    given = REQUEST | changes
    request, found = SweepRequest.model_validate(given), list(plan(**given).candidates)
    assert isinstance(request.strategy, AdaptiveStrategy)
    to_come = 1
    while to_come and len(found) < (request.candidates or 0):
        statuses = statuses or {}
        earlier = [ended(i, each, statuses.get(i, "succeeded")) for i, each in enumerate(found)]
        following = range(len(found), len(found) + 1)
        chosen = next_candidates(request, request.strategy, earlier, following, registry)
        found += chosen.candidates
        to_come = chosen.to_come
    return found


def test_candidates_come_near_to_the_best(plan: PlanSweep, registry: DatasetRegistry) -> None:
    strategy = {"name": "tpe", "startup": 8, "outstanding": 2}
    found = search(plan, registry, strategy=strategy, candidates=30)
    distances = [-value(each) for each in found]
    assert sum(distances[-10:]) < sum(distances[:8])
    assert len({each.plan.spec_hash for each in found}) == 30
    assert {each.values["training.batch_size"] % 8 for each in found} == {0}
    assert {("loss.gamma" in each.values) == (each.values["loss"] == "focal") for each in found} == {True}


SAMPLERS = get_args(OptunaSearch.__annotations__["sampler"])
FEW_VALUES = {"training.batch_size": {"integers": [8, 64], "step": 8}, "loss": ["cross_entropy", "focal"]}


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_goes_on_from_what_was_stored(
    plan: PlanSweep, registry: DatasetRegistry, sampler: str
) -> None:
    if sampler == "GPSampler":
        pytest.importorskip("torch", reason="PyTorch is not installed")
    settings = {
        "NSGAIISampler": {"population_size": 6},
        "NSGAIIISampler": {"population_size": 6},
        "GPSampler": {"n_startup_trials": 1},
    }.get(sampler, {})
    count = 6 if sampler == "GPSampler" else 10  # each of its draws takes a second
    space = FEW_VALUES if sampler == "BruteForceSampler" else SPACE
    strategy = {"name": "optuna", "sampler": sampler, "settings": settings, "outstanding": 4}
    found = search(plan, registry, strategy=strategy, space=space, candidates=count)
    again = search(plan, registry, strategy=strategy, space=space, candidates=count)
    assert [each.values for each in found] == [each.values for each in again]
    assert len({each.plan.spec_hash for each in found}) == count


def test_the_candidates_still_outstanding_change_nothing(plan: PlanSweep, registry: DatasetRegistry) -> None:
    strategy = {"name": "tpe", "startup": 4, "outstanding": 4}
    request = SweepRequest.model_validate(REQUEST | {"strategy": strategy})
    assert isinstance(request.strategy, AdaptiveStrategy)
    found = search(plan, registry, strategy=strategy, candidates=12)

    def following(last: Any) -> Any:
        earlier = [ended(i, each, "succeeded" if i <= 8 else last) for i, each in enumerate(found)]
        (chosen,) = next_candidates(request, request.strategy, earlier, range(12, 13), registry).candidates  # type: ignore[arg-type]
        return chosen.values

    assert following("running") == following("succeeded") == following("failed")


def test_a_failed_candidate_changes_what_follows(plan: PlanSweep, registry: DatasetRegistry) -> None:
    strategy = {"name": "tpe", "startup": 4, "outstanding": 2}
    all_well = search(plan, registry, strategy=strategy, candidates=14)
    best = max(range(8), key=lambda i: value(all_well[i]))
    failed = search(plan, registry, {best: "failed"}, strategy=strategy, candidates=14)
    assert [each.values for each in failed] != [each.values for each in all_well]
    assert len(failed) == 14


def test_a_small_space_ends_before_all_candidates(plan: PlanSweep, registry: DatasetRegistry) -> None:
    space = {"training.batch_size": [16, 32, 64], "loss": ["cross_entropy", "focal"]}
    found = search(plan, registry, space=space, strategy={"name": "tpe", "outstanding": 2}, candidates=20)
    assert len(found) == 6
    first = plan(**REQUEST | {"space": {"training.batch_size": [16, 32]}})
    assert (len(first.candidates), first.to_come, first.repeated > 0) == (2, 0, True)


def test_settings_with_which_a_sampler_fails_are_a_fault(faults: Faults) -> None:
    failing = {"name": "optuna", "settings": {"n_startup_trials": 0, "n_ei_candidates": 0}}
    assert "Optuna cannot draw a candidate" in faults(**REQUEST | {"strategy": failing})["strategy"]


def test_optuna_has_to_be_installed_and_to_accept_the_settings(
    faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = {"name": "optuna", "sampler": "TPESampler", "settings": {"nonsense": 1}}
    assert "nonsense" in faults(**REQUEST | {"strategy": refused})["strategy"]
    endless = {"name": "optuna", "sampler": "BruteForceSampler"}
    assert "choices" in faults(**REQUEST | {"strategy": endless})[f"space.{RATE}"]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr("workers.sweeps.strategies.optuna_search.find_spec", lambda name: None)
    assert faults(**REQUEST)["strategy"] == "needs Optuna: pip install 'holdout[optuna]'"
    present = {"optuna": True}
    monkeypatch.setattr("workers.sweeps.strategies.optuna_search.find_spec", present.get)
    of_processes = {"name": "optuna", "sampler": "GPSampler"}
    assert "needs PyTorch" in faults(**REQUEST | {"strategy": of_processes})["strategy"]
