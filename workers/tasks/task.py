"""The interface of a task: what a spec may ask for, and what it means for one training part."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from workers.data.balancing import Sampler
from workers.data.dataset import Dataset, Indices
from workers.data.scaling import Scaler
from workers.evaluation.evaluation import Evaluation, Predicted
from workers.nn.arrays import Array, Integers
from workers.nn.losses import Task as TaskName
from workers.nn.network import Network
from workers.objective import Objective
from workers.spec import ExperimentSpec
from workers.validation.errors import FieldError


class Solver(Protocol):
    """Finds the weights of a linear model without steps. l2: the penalty, None until it is chosen."""

    l2: float | None

    def fit(self, network: Network, between: Callable[[], None]) -> float: ...
    def arrays(self) -> dict[str, Array]: ...
    def state(self) -> dict[str, Any]: ...
    def restore(self, arrays: Mapping[str, Array], state: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True, eq=False)
class BalancedBins:
    """Between what the balancing balances: rows of each in training (B,), and their names.

    table: (B, K), how many of these rows are of each class of the data set; None if they are its classes.
    """

    counts: Integers
    names: Sequence[str]
    table: Integers | None = None

    def of_classes(self, sampled: Array) -> Array:
        """The examples of each class (K,), if of each of these (B,) so many are drawn."""
        if self.table is None:
            return sampled
        drawn: Array = (sampled / np.maximum(self.counts, 1)) @ self.table
        return drawn


class FittedTask(ABC):
    """A task for one spec and its training part.

    step_part: the part that steps read, whose labels the objective takes. sampled_counts: expected examples of each
    class or bin (K,) in an epoch. offset: what corrects the logits for class frequencies, (K,), or None.
    """

    step_part: Dataset
    sampled_counts: Array
    offset: Array | None

    @abstractmethod
    def sampler(self, scaler: Scaler, generator: np.random.Generator) -> Sampler:
        """Draws the rows of an epoch, as the balancing of the spec does."""

    @abstractmethod
    def solver(self, scaler: Scaler) -> Solver:
        """The solver of a linear model."""

    @abstractmethod
    def objective(self, progress: float) -> Objective:
        """What steps minimise at `progress` in [0, 1) of training."""

    @abstractmethod
    def evaluate(self, logits: Array, part: Dataset, objective: Objective) -> tuple[Evaluation, Predicted]:
        """All metrics and the predictions, for the logits of a part. The loss is the spec's without class counts:
        these are for training only. Raises NonFiniteError.
        """

    @abstractmethod
    def arrays(self) -> dict[str, Array]:
        """What the task adds to the arrays of a model."""


class LearningTask(ABC):
    """What is predicted."""

    name: TaskName
    default_metric: str
    """Selects the best epoch if early stopping names no metric."""

    @abstractmethod
    def resolved(self, spec: ExperimentSpec) -> ExperimentSpec:
        """The spec with the task, and with its defaults for what the spec leaves open."""

    @abstractmethod
    def broken_rules(self, spec: ExperimentSpec) -> Iterator[FieldError]:
        """What a resolved spec asks for that the task does not have."""

    @abstractmethod
    def balanced_bins(
        self, dataset: Dataset, training_rows: Callable[[], Indices], counts: Integers
    ) -> BalancedBins:
        """Between what the balancing balances, given the rows of each class (K,) in the training part."""

    @abstractmethod
    def fit(self, spec: ExperimentSpec, training_part: Dataset) -> FittedTask:
        """The task for a resolved spec and its training part."""
