"""Builders of columns: each takes one column batch by batch, and returns its cells as float64, NaN where missing."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from workers.data.tables.cells import DAY_SECONDS, LARGEST, NUMBER, CellRules, day_number

ReadKind = Literal["number", "text", "date"]
"""How a column is read. Texts are categories or booleans: which is known once all are read."""
Values = NDArray[np.float64]
Mask = NDArray[np.bool_]

MOST_LEVELS = 50_000
"""Different texts of a category. More are free text or identifiers."""
LONGEST_LEVEL = 200
"""Characters of a level."""
MOST_DISTINCT = 10_000
MOST_OFFENDERS = 20


class ColumnBuilder(ABC):
    """What all kinds share: how many rows, missing cells and offending cells there are. Those are not of the kind.

    offenders: some of their texts, each with its number. first_offender: the row of the first.
    """

    read_as: ClassVar[ReadKind]

    def __init__(self, rules: CellRules) -> None:
        self.rules = rules
        self.rows = self.missing = self.offending = 0
        self.first_offender: int | None = None
        self.offenders: Counter[str] = Counter()

    def append(self, array: Any) -> Values:
        """Add the cells of a batch, (m,). Missing and offending ones are NaN."""
        values = self._values(array)
        self.rows += len(values)
        self.missing = self.rows - self.offending - self._filled(values)
        return values

    def convert(self, array: Any) -> Values:
        """The cells of a batch, (m,), without the statistics of `append`. Missing and offending ones are NaN."""
        return self._values(array)

    @abstractmethod
    def _values(self, array: Any) -> Values:
        """The cells as numbers."""

    def _filled(self, values: Values) -> int:
        """The cells so far that have a value."""
        self._with_value = getattr(self, "_with_value", 0) + len(values) - int(np.isnan(values).sum())
        return self._with_value

    def _offend(self, texts: Any, bad: Mask) -> None:
        """Count the cells that are not of the kind."""
        if not bad.any():
            return
        if self.first_offender is None:
            self.first_offender = self.rows + int(bad.argmax())
        self.offending += int(bad.sum())
        for each in pc.value_counts(texts.filter(pa.array(bad))).to_pylist():
            if each["values"] in self.offenders or len(self.offenders) < MOST_OFFENDERS:
                self.offenders[each["values"]] += each["counts"]


class MeasureBuilder(ColumnBuilder):
    """Values in an order. low, high: their range. distinct: the different ones, up to `MOST_DISTINCT`."""

    def __init__(self, rules: CellRules) -> None:
        super().__init__(rules)
        self.low, self.high = np.inf, -np.inf
        self.distinct: set[float] = set()

    def append(self, array: Any) -> Values:
        values = super().append(array)
        if len(values) and not np.isnan(low := np.fmin.reduce(values)):
            self.low, self.high = min(self.low, float(low)), max(self.high, float(np.fmax.reduce(values)))
        if len(self.distinct) < MOST_DISTINCT:
            found = np.unique(values[~np.isnan(values)])
            self.distinct.update(found[:MOST_DISTINCT].tolist())
        return values


class NumberBuilder(MeasureBuilder):
    """A column of numbers. A cell that is none, or not finite in single precision, offends."""

    read_as = "number"

    def __init__(self, rules: CellRules) -> None:
        super().__init__(rules)
        self._is_plain = rules.decimal == "." and not rules.has_number_marker
        """Whether all cells so far were empty or numbers that need no preparation."""

    def _values(self, array: Any) -> Values:
        if not is_text(array.type):
            return self._typed(_numpy(pc.cast(array, pa.float64(), safe=False)))
        if self._is_plain:
            try:
                return _finite(pc.cast(array, pa.float64()))
            except (pa.ArrowInvalid, ValueError):
                self._is_plain = False
        return self._prepared(array)

    def _typed(self, values: Values) -> Values:
        is_large = np.abs(values) > LARGEST
        if is_large.any():
            self._offend(pa.array(values.astype(str)), is_large)
            values[is_large] = np.nan
        return values

    def _prepared(self, texts: Any) -> Values:
        cells = without_markers(texts, self.rules)
        if self.rules.decimal != ".":
            # A point is no decimal mark in this column: a letter in its place makes the cell a text.
            cells = pc.replace_substring(pc.replace_substring(cells, ".", "p"), self.rules.decimal, ".")
        try:
            return _finite(pc.cast(cells, pa.float64()))
        except (pa.ArrowInvalid, ValueError):
            is_number = pc.fill_null(pc.match_substring_regex(cells, f"^(?:{NUMBER})$"), False)
        values: Values = _numpy(
            pc.cast(pc.if_else(is_number, cells, pa.scalar(None, cells.type)), pa.float64())
        )
        values[np.abs(values) > LARGEST] = np.nan
        self._offend(texts, _numpy(pc.is_valid(cells)) & np.isnan(values))
        return values


class DateBuilder(MeasureBuilder):
    """A column of dates, as days since 1970-01-01 with the time as a fraction. A cell that is none offends."""

    read_as = "date"

    def _values(self, array: Any) -> Values:
        if not is_text(array.type):
            microseconds = pc.cast(array, pa.timestamp("us"), safe=False)
            days = _numpy(pc.cast(pc.cast(microseconds, pa.int64()), pa.float64(), safe=False)) / (
                1e6 * DAY_SECONDS
            )
            return np.where(_numpy(pc.is_valid(array)), days, np.nan)
        cells = without_markers(array, self.rules)
        encoded = cells.dictionary_encode()
        numbers = [day_number(text) for text in encoded.dictionary.to_pylist()]
        days = np.array([np.nan if number is None else number for number in numbers] + [np.nan])
        values: Values = days[_codes(encoded)]
        self._offend(array, _numpy(pc.is_valid(cells)) & np.isnan(values))
        return values


class TextBuilder(ColumnBuilder):
    """A column of texts. A cell becomes the number of its level, in the order in which they come.

    levels: each text with its code. counts: the rows of each code. has_too_many: set if there are more levels than
    `most`, or one longer than `LONGEST_LEVEL`; no more cells are looked at then. markers: how often the cells that
    mean a missing value came, in their own spelling, apart from empty ones.
    """

    read_as = "text"

    def __init__(self, rules: CellRules, most: int = MOST_LEVELS, declared: Sequence[str] = ()) -> None:
        super().__init__(rules)
        self.levels = {text: code for code, text in enumerate(declared)}
        self.counts = np.zeros(len(self.levels), np.int64)
        self.markers: Counter[str] = Counter()
        self.has_too_many = False
        self._most = most

    def _values(self, array: Any) -> Values:
        if self.has_too_many:
            return np.full(len(array), np.nan)
        encoded = array if pa.types.is_dictionary(array.type) else as_text(array).dictionary_encode()
        texts = encoded.dictionary.to_pylist()
        codes = np.array([self._code(text) for text in texts] + [-1], np.int64)[_codes(encoded)]
        self._count_markers(texts, encoded)
        self.has_too_many = len(self.levels) > self._most or any(len(text) > LONGEST_LEVEL for text in texts)
        found = np.bincount(codes[codes >= 0], minlength=len(self.levels))
        self.counts = np.pad(self.counts, (0, len(found) - len(self.counts))) + found
        return np.where(codes < 0, np.nan, codes)

    def _code(self, text: str | None) -> int:
        """The code of a level, a new one if need be; -1 for a missing value."""
        text = "" if text is None else text.strip()
        if text.casefold() in self.rules.markers:
            return -1
        return self.levels.setdefault(text, len(self.levels))

    def _count_markers(self, texts: list[str], encoded: Any) -> None:
        present = {
            i: text.strip() for i, text in enumerate(texts) if text.strip().casefold() in self.rules.markers
        }
        if any(present.values()):
            counts = np.bincount(_codes(encoded)[_codes(encoded) >= 0], minlength=len(texts))
            self.markers.update({text: int(counts[i]) for i, text in present.items() if text})


def is_text(arrow_type: Any) -> bool:
    """Whether an array holds cells of text, that are typed by the rules."""
    types = pa.types
    return bool(
        types.is_string(arrow_type) or types.is_large_string(arrow_type) or types.is_string_view(arrow_type)
    )


def are_numbers(texts: Any) -> bool:
    """Whether all cells are empty or plain numbers."""
    try:
        _finite(pc.cast(texts, pa.float64()))
    except (pa.ArrowInvalid, ValueError):
        return False
    return True


def as_text(array: Any) -> Any:
    """An array as one of strings: booleans as false and true."""
    return array if array.type == pa.string() else pc.cast(array, pa.string())


def without_markers(texts: Any, rules: CellRules) -> Any:
    """Cells without the spaces around them, null where they mean a missing value."""
    cells = pc.utf8_trim_whitespace(as_text(texts))
    is_missing = pc.is_in(pc.utf8_lower(cells), value_set=_value_set(rules.markers))
    return pc.if_else(is_missing, pa.scalar(None, pa.string()), cells)


@lru_cache(maxsize=16)
def _value_set(markers: frozenset[str]) -> Any:
    return pa.array(sorted(markers), pa.string())


def _finite(numbers: Any) -> Values:
    """Numbers as an array, NaN where null. Raises ValueError if a valid one is not finite in single precision."""
    values: Values = _numpy(numbers)
    if int((np.abs(values) <= LARGEST).sum()) != len(values) - numbers.null_count:
        raise ValueError
    return values


def _numpy(array: Any) -> Any:
    """An array for NumPy, which may be changed; floats are NaN where null."""
    values = array.to_numpy(zero_copy_only=False)
    return values if values.flags.writeable else values.copy()


def _codes(encoded: Any) -> NDArray[np.int64]:
    """The indices of a dictionary array, -1 where null."""
    codes: NDArray[np.int64] = pc.fill_null(pc.cast(encoded.indices, pa.int64()), -1).to_numpy(
        zero_copy_only=False
    )
    return codes
