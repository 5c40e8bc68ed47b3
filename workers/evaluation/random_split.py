"""How far a model falls below what a random split of the same rows gives, if a column has divided them."""

import math
from dataclasses import dataclass
from typing import Any

from workers.evaluation.intervals import Interval


@dataclass(frozen=True)
class RandomSplit:
    """A figure of one kind of model, after two divisions of the same rows into parts of the same sizes.

    value, interval: on the validation part that a column chose. random, random_interval: on one that chance chose,
    of the model that the other rows trained. metric: `balanced_accuracy`, or of a regression `rmse`.
    """

    metric: str
    value: float
    interval: Interval
    random: float
    random_interval: Interval

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "RandomSplit":
        """Read what `dataclasses.asdict` wrote."""
        intervals = {name: Interval(**stored[name]) for name in ("interval", "random_interval")}
        return cls(**{**stored, **intervals})

    @property
    def drop(self) -> float:
        """How much worse the figure is than on the random split; negative if it is better."""
        return self._sign * (self.random - self.value)

    @property
    def drop_interval(self) -> Interval:
        """On new rows of both kinds: each end is the root of the sum of the squares of two distances.

        The two parts share some rows, which makes it a little too wide. Source: Zou & Donner 2008, Construction of
        confidence limits about effect measures, Statistics in Medicine 27.
        """
        here, there = self.interval, self.random_interval
        to_more = math.hypot(self.value - here.low, there.high - self.random)
        to_less = math.hypot(here.high - self.value, self.random - there.low)
        difference = self.random - self.value
        low, high = sorted((self._sign * (difference - to_less), self._sign * (difference + to_more)))
        return Interval(low, high, here.level)

    @property
    def _sign(self) -> int:
        return -1 if self.metric == "rmse" else 1
