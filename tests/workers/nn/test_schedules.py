import math
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from workers.nn.schedules import AnySchedule, Constant, Cosine, Schedule, Step, Warmup
from workers.tagged_union import members, name_of, names

EPOCHS, PER_EPOCH = 12, 7
STEPS = EPOCHS * PER_EPOCH

SETTINGS: dict[str, list[dict[str, Any]]] = {
    "step": [{"every": 3, "factor": 0.5}],
    "cosine": [{"floor": 0.1}],
    "warmup": [
        {"epochs": 2.5},
        {"epochs": 3.0, "then": Cosine()},
        {"epochs": 0.5, "then": Step(every=4, factor=0.2)},
    ],
}
SCHEDULES = [
    cls(**fields) for cls in members(AnySchedule) for fields in [{}, *SETTINGS.get(name_of(cls), [])]
]
every_schedule = pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)


def factors(schedule: Schedule) -> list[float]:
    return [schedule(step, STEPS, PER_EPOCH) for step in range(STEPS)]


@every_schedule
def test_every_factor_is_positive_and_at_most_one(schedule: Schedule) -> None:
    assert all(0 < factor <= 1 for factor in factors(schedule))
    assert all(type(factor) is float for factor in factors(schedule))


@every_schedule
def test_a_schedule_reaches_the_full_rate(schedule: Schedule) -> None:
    assert max(factors(schedule)) == 1


@every_schedule
def test_a_schedule_survives_a_round_trip_through_json(schedule: Schedule) -> None:
    adapter: TypeAdapter[Schedule] = TypeAdapter(AnySchedule)
    assert adapter.validate_json(adapter.dump_json(schedule)) == schedule


def torch_constant(_: Constant, schedulers: Any, optimizer: Any, steps: int) -> Any:
    return schedulers.LambdaLR(optimizer, lambda step: 1.0)


def torch_step(step: Step, schedulers: Any, optimizer: Any, steps: int) -> Any:
    return schedulers.StepLR(optimizer, step_size=step.every * PER_EPOCH, gamma=step.factor)


def torch_cosine(cosine: Cosine, schedulers: Any, optimizer: Any, steps: int) -> Any:
    return schedulers.CosineAnnealingLR(optimizer, T_max=steps, eta_min=cosine.floor)


def torch_warmup(warmup: Warmup, schedulers: Any, optimizer: Any, steps: int) -> Any:
    warming = round(warmup.epochs * PER_EPOCH)
    linear = schedulers.LinearLR(optimizer, start_factor=1 / warming, total_iters=warming - 1)
    then = ORACLES[warmup.then.name](warmup.then, schedulers, optimizer, steps - warming)
    return schedulers.SequentialLR(optimizer, [linear, then], milestones=[warming])


ORACLES: dict[str, Callable[[Any, Any, Any, int], Any]] = {
    "constant": torch_constant,
    "step": torch_step,
    "cosine": torch_cosine,
    "warmup": torch_warmup,
}


def test_every_schedule_has_an_oracle() -> None:
    missing = set(names(AnySchedule)) - set(ORACLES)
    assert not missing, f"without an oracle, to be added to ORACLES: {sorted(missing)}"


@every_schedule
@pytest.mark.filterwarnings("ignore:The epoch parameter in `scheduler.step:UserWarning")
def test_a_schedule_is_that_of_torch(schedule: Schedule) -> None:
    torch = pytest.importorskip("torch", reason="torch is the oracle of the schedules")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    oracle = ORACLES[schedule.name](schedule, torch.optim.lr_scheduler, optimizer, STEPS)
    expected = []
    for _ in range(STEPS):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        oracle.step()
    assert factors(schedule) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_a_cosine_is_half_way_down_half_way_through() -> None:
    assert Cosine(floor=0.2)(50, 100, 10) == pytest.approx(0.6)


def test_a_warm_up_of_less_than_a_step_is_none() -> None:
    assert factors(Warmup(epochs=1e-3, then=Cosine()))[0] == 1


def test_a_warm_up_longer_than_the_training_only_warms_up() -> None:
    assert factors(Warmup(epochs=100.0))[-1] == pytest.approx(STEPS / (100 * PER_EPOCH))


def test_what_follows_a_warm_up_may_be_named_barely_but_is_no_other_warm_up() -> None:
    adapter: TypeAdapter[Schedule] = TypeAdapter(AnySchedule)
    assert adapter.validate_python({"name": "warmup", "then": "cosine"}) == Warmup(then=Cosine())
    for wrong in ({"then": "warmup"}, {"epochs": 0.0}, {"epochs": math.inf}):
        with pytest.raises(ValidationError):
            adapter.validate_python({"name": "warmup"} | wrong)
