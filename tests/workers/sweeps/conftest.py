"""A registry of the bundled data sets, and how tests plan a sweep."""

from collections.abc import Callable
from typing import Any

import pytest

from workers.data.registry import DatasetRegistry
from workers.sweeps.candidate import SweepPlan
from workers.sweeps.candidates import plan_sweep
from workers.sweeps.request import SweepRequest
from workers.validation.errors import InvalidSpec

PlanSweep = Callable[..., SweepPlan]
Faults = Callable[..., dict[str, str]]


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> DatasetRegistry:
    return DatasetRegistry(tmp_path_factory.mktemp("data"))


@pytest.fixture
def plan(registry: DatasetRegistry) -> PlanSweep:
    def plan(**request: Any) -> SweepPlan:
        return plan_sweep(SweepRequest.model_validate(request), registry)

    return plan


@pytest.fixture
def faults(plan: PlanSweep) -> Faults:
    """What is wrong with a sweep: each message by its path."""

    def faults(**request: Any) -> dict[str, str]:
        with pytest.raises(InvalidSpec) as raised:
            plan(**request)
        return {each.path: each.message for each in raised.value.field_errors}

    return faults
