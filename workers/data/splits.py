"""Splits: the shares of the rows that train a network, validate it, evaluate it, and are held back for the test.

`workers.data.split_rows` divides the rows by them, `workers.data.folds` those of a cross-validation.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from fractions import Fraction
from itertools import product
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Discriminator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, Tag
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from workers.data.split_orders import AnyOrder
from workers.tagged_union import DiscriminatedBy, Flag, NonNegative, Positive, Seed, variant

Part = Literal["train", "validation", "evaluation", "test"]
Groups = Literal["none", "duplicates"]

MOST_FOLDS = 100
MOST_REPEATS = 100


class Fold(NamedTuple):
    """One fold of one repeat of a cross-validation. Any other split is the first fold of the first repeat."""

    repeat: int = 0
    fold: int = 0


class Split(ABC):
    """Divides the rows of a data set.

    version: 2 holds back the rows of each class that come first in an order by content, so that neither `seed` nor
    another ratio, name or order of the file moves them; `seed` divides the others. Version 1 divided all rows by
    `seed`: experiments from before version 2 have it.
    groups: `duplicates` keeps equal rows together, in one part. The test part never divides them.
    """

    validation: float
    test: float | Literal["official"]
    stratify: bool
    groups: Groups
    seed: int
    version: Literal[1, 2]

    @property
    @abstractmethod
    def ratios(self) -> Mapping[Part, float | Fraction]:
        """The share of the rows of each part that has any; the shares sum to 1."""

    @property
    def all_folds(self) -> tuple[Fold, ...]:
        """Every fold, by repeat and number."""
        return (Fold(),)


@variant
class ThreePartSplit(Split):
    """Train, validation and test by ratio.

    by: divides the open rows by a column instead of by chance, as `time`, `group` or `value` say; then it does not
    stratify. The test rows come off first, as ever.
    """

    train: Positive
    validation: Positive
    test: NonNegative | Literal["official"]
    by: AnyOrder | None = None
    stratify: Flag = True
    groups: Groups = "none"
    seed: Seed = 0
    version: Literal[1, 2] = 2

    def __post_init__(self) -> None:
        total = float(sum(self.ratios.values()))
        if abs(total - 1) > 1e-9:
            given = " + ".join(f"{part} {ratio:g}" for part, ratio in self.ratios.items())
            train = 1 - total + self.train
            right = f"train = {train:g} would be right" if train > 0 else f"divide each by {total:g}"
            raise ValueError(f"the ratios must sum to 1: {given} = {total:g}; {right}")
        if self.version == 1 and self.groups != "none":
            raise ValueError("version 1 of the split knows no groups; leave out the version")
        if self.by is None:
            return
        if self.version == 1:
            raise ValueError("version 1 of the split divides by no column; leave out the version")
        object.__setattr__(self, "stratify", False)  # the column decides how many rows of a class a part has


@variant
class RatioSplit(ThreePartSplit):
    """Divides all rows into train, validation and test by ratio. With `test` 0 there is no test part.

    When: to begin with.
    """

    train: Positive = 0.7
    validation: Positive = 0.2
    test: NonNegative = 0.1

    @property
    def ratios(self) -> dict[Part, float]:
        test: dict[Part, float] = {"test": self.test} if self.test else {}
        return {"train": self.train, "validation": self.validation, **test}


@variant
class OfficialSplit(ThreePartSplit):
    """Train and validation by ratio; the test part is the one published with the data set.

    When: to compare with results that others have published on this test part.
    """

    train: Positive = 0.8
    validation: Positive = 0.2
    test: Literal["official"] = "official"

    @property
    def ratios(self) -> dict[Part, float]:
        return {"train": self.train, "validation": self.validation}


@variant
class CrossValidation(Split):
    """Repeated cross-validation, nested: each fold evaluates once what the others trained and validated.

    test: the share of all rows that is held back first, or `official`. The rows left are divided into `folds` equal
    parts, anew for each of `repeats`. Each part in turn is the evaluation part; of the rest, the share `validation`
    selects the epoch, and the remainder trains. A run is one (repeat, fold, seed), and the evaluation part is read
    once, at its selected epoch. So no figure of a summary was chosen by the rows that it was measured on.
    When: with few rows, and to compare methods: the intervals hold for new data.
    Source: Nadeau & Bengio 2003, Inference for the generalization error; Bouckaert & Frank 2004.
    """

    name: Literal["cross_validation"] = "cross_validation"
    folds: Annotated[int, Field(strict=True, ge=2, le=MOST_FOLDS)] = 5
    repeats: Annotated[int, Field(strict=True, ge=1, le=MOST_REPEATS)] = 1
    validation: Annotated[float, Field(strict=True, gt=0, lt=1)] = 0.2
    test: Annotated[float, Field(strict=True, ge=0, lt=1)] | Literal["official"] = 0.1
    stratify: Flag = True
    groups: Groups = "none"
    seed: Seed = 0
    version: Literal[2] = 2

    @property
    def ratios(self) -> dict[Part, Fraction]:
        test = Fraction(0) if self.test == "official" else Fraction(str(self.test))
        evaluation = (1 - test) / self.folds
        rest = 1 - test - evaluation
        of_rest = self.ratios_of_rest
        shares: dict[Part, Fraction] = {part: rest * of_rest[part] for part in of_rest}
        shares |= {"evaluation": evaluation, "test": test}
        return {part: share for part, share in shares.items() if share}

    @property
    def ratios_of_rest(self) -> dict[Part, Fraction]:
        """How the rows outside of the evaluation part are divided."""
        validation = Fraction(str(self.validation))
        return {"train": 1 - validation, "validation": validation}

    @property
    def all_folds(self) -> tuple[Fold, ...]:
        return tuple(Fold(*each) for each in product(range(self.repeats), range(self.folds)))


CROSS_VALIDATION = "cross_validation"
OF_FOLDS = frozenset({"folds", "repeats", "k", "n_folds", "n_splits", "n_repeats", "kfold"})
"""Fields that only a cross-validation has, in the words of this and of other libraries."""


class _BareName:
    """Annotates the union: a bare string is a name, and fields of a cross-validation need its name beside them."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._as_object, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"anyOf": [{"type": "string", "enum": [CROSS_VALIDATION]}, handler(schema)]}

    @staticmethod
    def _as_object(given: Any) -> Any:
        if isinstance(given, str):
            return {"name": given}
        if isinstance(given, Mapping) and "name" not in given and OF_FOLDS & given.keys():
            fields = ", ".join(sorted(OF_FOLDS & given.keys()))
            raise ValueError(f'"name": "{CROSS_VALIDATION}" is missing beside {fields}')
        return given


def _tag(given: Any) -> str:
    if isinstance(given, CrossValidation) or (isinstance(given, Mapping) and "name" in given):
        return CROSS_VALIDATION
    test = given.get("test") if isinstance(given, Mapping) else getattr(given, "test", None)
    return "official" if test == "official" else "ratios"


AnySplit = Annotated[
    Annotated[RatioSplit, Tag("ratios")]
    | Annotated[OfficialSplit, Tag("official"), DiscriminatedBy("test")]
    | Annotated[CrossValidation, Tag(CROSS_VALIDATION), DiscriminatedBy("name")],
    Discriminator(_tag),
    _BareName(),
]
"""`{}` is 70:20:10; `{"test": "official"}` is 80:20 and the official test part; a bare name is a cross-validation."""
