"""Splits: the shares of the rows that train a network, validate it, and are held back for the test.

`workers.data.split_rows` divides the rows by them.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Tag

from workers.tagged_union import DiscriminatedBy, Flag, NonNegative, Positive, Seed, variant

Part = Literal["train", "validation", "test"]


@variant
class Split(ABC):
    """Divides the rows of a data set.

    version: 2 holds back the rows of each class that come first in an order by content, so that neither `seed` nor
    another ratio, name or order of the file moves them; `seed` divides the others. Version 1 divided all rows by
    `seed`: experiments from before version 2 have it.
    groups: `duplicates` keeps equal rows together, in training or in validation. The test part never divides them.
    """

    train: Positive
    validation: Positive
    test: NonNegative | Literal["official"]
    stratify: Flag = True
    groups: Literal["none", "duplicates"] = "none"
    seed: Seed = 0
    version: Literal[1, 2] = 2

    @property
    @abstractmethod
    def ratios(self) -> dict[Part, float]:
        """The share of the rows of each part that has any; the shares sum to 1."""

    def __post_init__(self) -> None:
        total = sum(self.ratios.values())
        if abs(total - 1) > 1e-9:
            given = " + ".join(f"{part} {ratio:g}" for part, ratio in self.ratios.items())
            train = 1 - total + self.train
            right = f"train = {train:g} would be right" if train > 0 else f"divide each by {total:g}"
            raise ValueError(f"the ratios must sum to 1: {given} = {total:g}; {right}")
        if self.version == 1 and self.groups != "none":
            raise ValueError("version 1 of the split knows no groups; leave out the version")


@variant
class RatioSplit(Split):
    """Divides all rows into train, validation and test by ratio. With `test` 0 there is no test part."""

    train: Positive = 0.7
    validation: Positive = 0.2
    test: NonNegative = 0.1

    @property
    def ratios(self) -> dict[Part, float]:
        test: dict[Part, float] = {"test": self.test} if self.test else {}
        return {"train": self.train, "validation": self.validation, **test}


@variant
class OfficialSplit(Split):
    """Train and validation by ratio; the test part is the one published with the data set."""

    train: Positive = 0.8
    validation: Positive = 0.2
    test: Literal["official"] = "official"

    @property
    def ratios(self) -> dict[Part, float]:
        return {"train": self.train, "validation": self.validation}


def _tag(given: Any) -> str:
    test = given.get("test") if isinstance(given, Mapping) else getattr(given, "test", None)
    return "official" if test == "official" else "ratios"


AnySplit = Annotated[
    Annotated[RatioSplit, Tag("ratios")] | Annotated[OfficialSplit, Tag("official"), DiscriminatedBy("test")],
    Discriminator(_tag),
]
"""`{}` is 70:20:10; `{"test": "official"}` is 80:20 and the official test part."""
