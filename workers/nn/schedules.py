"""Learning rate schedules: the factor on the optimizer's learning rate at each step."""

import math
from abc import ABC, abstractmethod
from typing import Annotated, Literal

from pydantic import Field

from workers.tagged_union import ByName, Count, Positive, Probability, variant


class Schedule(ABC):
    """Maps a step to the factor on the optimizer's learning rate."""

    name: str

    @abstractmethod
    def __call__(self, step: int, steps: int, steps_per_epoch: int) -> float:
        """The factor at `step`, counted from 0, of `steps` in total."""

    def factors(self, start: int, steps: int, steps_per_epoch: int) -> list[float]:
        """The factors of an epoch, whose first step is `start`."""
        return [self(step, steps, steps_per_epoch) for step in range(start, start + steps_per_epoch)]


@variant
class Constant(Schedule):
    """A constant learning rate.

    When: to begin with, and with early stopping.
    """

    name: Literal["constant"] = "constant"

    def __call__(self, step: int, steps: int, steps_per_epoch: int) -> float:
        return 1.0

    def factors(self, start: int, steps: int, steps_per_epoch: int) -> list[float]:
        return [1.0] * steps_per_epoch


@variant
class Step(Schedule):
    """Multiplies the learning rate by `factor` every `every` epochs. Oracle: torch.optim.lr_scheduler.StepLR.

    When: to repeat a recipe that names epochs.
    """

    name: Literal["step"] = "step"
    every: Count = 10
    factor: Annotated[float, Field(strict=True, gt=0, le=1)] = 0.1

    def __call__(self, step: int, steps: int, steps_per_epoch: int) -> float:
        return self.factor ** (step // (self.every * steps_per_epoch))


@variant
class Cosine(Schedule):
    """A half cosine from 1 down to `floor`: floor + (1 - floor) (1 + cos(pi step / steps)) / 2.

    When: if the number of epochs is fixed: the last ones settle.
    Source: Loshchilov & Hutter 2017, SGDR. Oracle: torch.optim.lr_scheduler.CosineAnnealingLR.
    """

    name: Literal["cosine"] = "cosine"
    floor: Probability = 0.0

    def __call__(self, step: int, steps: int, steps_per_epoch: int) -> float:
        return self.floor + (1 - self.floor) * (1 + math.cos(math.pi * step / steps)) / 2


@variant
class Warmup(Schedule):
    """Linear warmup: (step + 1) / w for the w steps of the first `epochs` epochs, then the schedule `then`.

    The first step has 1/w of the learning rate, not 0, and step w has all of it. `then` starts at its beginning.
    When: if the first steps diverge, for instance with large batches.
    Source: Goyal et al. 2017, Accurate, large minibatch SGD. Oracle: torch's LinearLR and SequentialLR.
    """

    name: Literal["warmup"] = "warmup"
    epochs: Positive = 1.0
    then: Annotated[Constant | Step | Cosine, ByName()] = Constant()

    def __call__(self, step: int, steps: int, steps_per_epoch: int) -> float:
        warmup_steps = max(1, round(self.epochs * steps_per_epoch))
        if step < warmup_steps:
            return (step + 1) / warmup_steps
        return self.then(step - warmup_steps, steps - warmup_steps, steps_per_epoch)


AnySchedule = Annotated[Constant | Step | Cosine | Warmup, ByName()]
