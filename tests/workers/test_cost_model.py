"""How long a run is expected to take: more work, more seconds, and each of the parts of it counts."""

from pathlib import Path
from typing import Any

import pytest

from workers.cost_model import CONVOLUTION_FACTOR, MULTIPLICATION_SECONDS, typical_seconds
from workers.data.registry import DatasetRegistry
from workers.plan import make_plan
from workers.spec import ExperimentSpec


@pytest.fixture
def registry(tmp_path: Path) -> DatasetRegistry:
    return DatasetRegistry(tmp_path)


def seconds(registry: DatasetRegistry, **spec: Any) -> float:
    plan = make_plan(ExperimentSpec.model_validate(spec), registry)
    return typical_seconds(plan.spec, plan.facts())


def test_twice_the_epochs_take_twice_as_long(registry: DatasetRegistry) -> None:
    once, twice = (seconds(registry, training={"epochs": epochs}) for epochs in (7, 14))
    assert twice == pytest.approx(2 * once)


@pytest.mark.parametrize(
    "more",
    [
        {"model": {"hidden": [129]}},
        {"training": {"batch_size": 32}},
        {"balancing": "oversample", "dataset": {"name": "digits", "imbalance": {"ratio": 10}}},
        {"model": {"name": "convnet"}},
    ],
)
def test_more_work_takes_longer(registry: DatasetRegistry, more: dict[str, Any]) -> None:
    without = {"dataset": more["dataset"]} if "dataset" in more else {}
    assert seconds(registry, **more) > seconds(registry, **without)


def test_a_convolution_uses_its_weights_at_every_pixel(registry: DatasetRegistry) -> None:
    """8 x 8 pixels, 9 weights and a bias a filter: another filter costs what can be counted by hand."""
    model = {"name": "convnet", "pool": 8, "hidden": []}
    one, two = (seconds(registry, model=model | {"filters": [filters]}) for filters in (1, 2))
    trained, evaluated = 20 * 1257, 20 * (1257 + 360)
    kernel, head = CONVOLUTION_FACTOR * 64 * 10, 10
    expected = MULTIPLICATION_SECONDS * (kernel + head) * (3 * trained + evaluated)
    assert two - one == pytest.approx(expected, rel=0.05)


def test_a_table_counts_as_wide_as_the_network_reads_it(registry: DatasetRegistry) -> None:
    plan = make_plan(ExperimentSpec(), registry)
    facts = plan.facts()
    assert facts["input_features"] == facts["dataset"]["features"]
    encoded = typical_seconds(plan.spec, {**facts, "input_features": 10 * facts["input_features"]})
    without = {
        name: fact for name, fact in facts.items() if name != "input_features"
    }  # of an earlier version
    assert encoded > typical_seconds(plan.spec, facts) == typical_seconds(plan.spec, without)
