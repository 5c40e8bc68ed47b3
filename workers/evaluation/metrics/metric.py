"""What declares a metric: a formula, the range of its values, which of them are better, and when there is none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from workers.nn.losses import Task

Measured = TypeVar("Measured")
"""What a formula takes: the margins of a confusion matrix, or what was measured on each row."""
Value = TypeVar("Value", bound=float | None)

Direction = Literal["max", "min"]

CLASSES: tuple[Task, ...] = ("classification",)
NUMBERS: tuple[Task, ...] = ("regression",)
EVERY_TASK: tuple[Task, ...] = ("classification", "regression")
NO_PROBABILITIES = "the output layer gives no probabilities"


@dataclass(frozen=True, eq=False)
class Metric(Generic[Measured, Value]):
    """A metric of a model on one part of a data set. Call it with what its formula takes.

    name: in a spec, in columns, responses and CSV.
    formula: its docstring documents the metric in /catalog, the OpenAPI document and docs/methods.md.
    direction: `max` if larger values are better. lowest, highest: the range of the values.
    always_stored: whether every stored epoch has a value. A new metric is null in the epochs of older versions, and
    one of a single task in those of the others, so their columns have to be nullable.
    null_if: when an evaluation gives no value, as the end of a sentence; None: it always gives one.
    null_for: whether it has no value on a part with these rows of each class (K,), so that it cannot select epochs.
    in_summaries: whether it is averaged over seeds, compared between experiments, and named in a spec.
    selects_nothing: why it may not select the epoch of a run, after "cannot select epochs: "; None: it may.
    without_interval: why the value on some rows says too little of that on many others, as the end of a sentence;
    None: it has intervals.
    tasks: those whose experiments have the metric; it is null in all others.
    """

    name: str
    formula: Callable[[Measured], Value]
    direction: Direction
    lowest: float
    highest: float
    always_stored: bool
    null_if: str | None
    null_for: Callable[[Sequence[int]], bool]
    in_summaries: bool
    selects_nothing: str | None
    without_interval: str | None
    tasks: tuple[Task, ...]

    def __call__(self, measured: Measured) -> Value:
        """The value for what was measured."""
        return self.formula(measured)

    @property
    def range(self) -> float:
        """How far apart two values can be; infinite if there is no bound."""
        return self.highest - self.lowest


def metric(
    *,
    direction: Direction,
    lowest: float = 0.0,
    highest: float = 1.0,
    always_stored: bool = False,
    null_if: str | None = None,
    null_for: Callable[[Sequence[int]], bool] = lambda counts: False,
    in_summaries: bool = True,
    selects_nothing: str | None = None,
    without_interval: str | None = None,
    tasks: tuple[Task, ...] = CLASSES,
) -> Callable[[Callable[[Measured], Value]], Metric[Measured, Value]]:
    """Declare the decorated formula as a metric with the name of the function. Fields as at `Metric`."""

    def declare(formula: Callable[[Measured], Value]) -> Metric[Measured, Value]:
        return Metric(
            name=formula.__name__,
            formula=formula,
            direction=direction,
            lowest=lowest,
            highest=highest,
            always_stored=always_stored,
            null_if=null_if,
            null_for=null_for,
            in_summaries=in_summaries,
            selects_nothing=selects_nothing,
            without_interval=without_interval,
            tasks=tasks,
        )

    return declare
