"""Strategies that learn: each candidate is chosen by the values of earlier ones.

A candidate is chosen once all but the last `outstanding` before it have ended, and by the values of these alone. So
the same seed gives the same candidates, however many processes train them, and whatever is killed meanwhile.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol

from pydantic import Field

from workers.sweeps.space import Space, Values
from workers.sweeps.strategies.strategy import Strategy

Package = Literal["optuna", "torch"]
Outstanding = Annotated[int, Field(strict=True, ge=1, le=64)]
DEFAULT_OUTSTANDING = 8


@dataclass(frozen=True)
class Drawn:
    """The values of a candidate. remembered: what the strategy needs to know of it later, as JSON."""

    values: Values
    remembered: dict[str, Any]


@dataclass(frozen=True)
class CandidateOutcome:
    """An earlier candidate, as a strategy is told of it. value: of one that has succeeded."""

    number: int
    remembered: dict[str, Any]
    status: Literal["running", "succeeded", "failed"]
    value: float | None = None


class Asking(Protocol):
    """Draws one candidate; several times, if what it has drawn cannot be used."""

    def ask(self) -> Drawn:
        """Draw the values of a candidate."""

    def refuse(self, value: float | None) -> None:
        """Tell that the last draw is not trained. value: that of an equal candidate, if it has one."""


class AdaptiveStrategy(Strategy):
    """Chooses candidates while others train. outstanding: how many are queued or train at the same time."""

    outstanding: int

    @property
    def missing(self) -> Package | None:
        """The first package that it needs and that is not installed here."""
        return None

    @abstractmethod
    def asking(
        self, space: Space, told: Sequence[CandidateOutcome], number: int, *, maximize: bool
    ) -> Asking:
        """Prepare to draw the candidate with this number, knowing of all earlier ones."""

    def told(self, earlier: Sequence[CandidateOutcome], number: int) -> list[CandidateOutcome]:
        """What the choice of a candidate knows: the last ones before it count as running, whether they are or not."""
        known = number - self.outstanding
        return [each if each.number <= known else _running(each) for each in earlier]


def _running(each: CandidateOutcome) -> CandidateOutcome:
    return CandidateOutcome(each.number, each.remembered, "running")
