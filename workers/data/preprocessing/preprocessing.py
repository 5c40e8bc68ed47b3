"""The preprocessing of a table: what a spec can ask for, and its fit to a training part."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from workers.data.columns import Column
from workers.data.dataset import Dataset, Features, Indices
from workers.data.preprocessing import column_layout
from workers.data.preprocessing.column_layout import ColumnLayout
from workers.data.preprocessing.encoder import Encoder
from workers.data.preprocessing.layout import Layout
from workers.data.scaling import Scaler, Scaling
from workers.tagged_union import Count, Flag, Number, variant

CHUNK_BYTES = 16 * 2**20


@variant
class Preprocessing:
    """How a table with categories or missing values becomes numbers; fitted to training rows alone.

    A missing number becomes the `impute` of the training rows, or `constant`, and with `indicator` a further element
    says that it was missing, if any training row lacks it. `one_hot` gives each level of a category an element;
    levels of fewer than `min_count` training rows share one named rare, a missing value is a level of its own, and a
    level that no training row has is unknown: all elements are 0. `frequency` replaces a level by its share of the
    training rows. `hashing` gives an element to each of `buckets` groups of levels. `auto` is one_hot for up to
    `most_levels` levels and frequency beyond. Numbers and frequencies are scaled, elements of 0 and 1 stay so; what
    is constant in training becomes 0. Nothing reads the labels.
    Oracle: sklearn.compose.ColumnTransformer of SimpleImputer(add_indicator=True) and OneHotEncoder.
    """

    impute: Literal["median", "mean", "constant"] = "median"
    constant: Number = 0.0
    indicator: Flag = True
    categories: Literal["auto", "one_hot", "frequency", "hashing"] = "auto"
    min_count: Annotated[int, Field(strict=True, ge=1)] = 5
    most_levels: Count = 100
    buckets: Annotated[int, Field(strict=True, ge=2, le=10_000)] = 64

    def fit(self, training: Dataset, scaling: Scaling) -> Scaler:
        """What turns the rows of every part into the input of a network: an encoder, or a scaler alone."""
        if not needs_encoding(training):
            return scaling.fit(training)
        columns = list(self._layouts(training, None))
        layout = _joined(columns)
        offset, factor = np.zeros(layout.width, np.float32), np.ones(layout.width, np.float32)
        for elements, scaler in _fit_scaling(training.features, layout, scaling):
            offset[elements], factor[elements] = scaler.offset, scaler.factor
        varies = np.array([element for column in columns for element in column.varies], np.bool_)
        factor[~varies] = 0
        return Encoder(offset, factor, layout)

    def width(self, dataset: Dataset, training: Indices) -> int:
        """The features of an encoded row, the network's input, if these rows of a data set are for training.

        They are read column by column, and never copied as a whole.
        """
        if not needs_encoding(dataset):
            return int(dataset.features.shape[1])
        return sum(column.width for column in self._layouts(dataset, training))

    def _layouts(self, dataset: Dataset, rows: Indices | None) -> Iterator[ColumnLayout]:
        """The layout of each column, fitted to some rows, or to all."""
        for index, column in enumerate(dataset.columns or ()):
            offset = 0.0 if dataset.offset is None else float(dataset.offset[index])
            values = dataset.features[:, index] if rows is None else dataset.features[rows, index]
            yield self._layout(values.astype(np.float32), column, offset)

    def _layout(self, values: NDArray[np.float32], column: Column, offset: float) -> ColumnLayout:
        if column.kind == "boolean":
            return column_layout.boolean(values, indicator=self.indicator)
        if column.kind == "category":
            return self._category(values, column.levels or ())
        missing = np.isnan(values)
        return column_layout.number(missing, self._fill(values[~missing], offset), indicator=self.indicator)

    def _category(self, codes: NDArray[np.float32], levels: tuple[str, ...]) -> ColumnLayout:
        counts = column_layout.level_counts(codes, len(levels))
        if self.categories == "hashing":
            return column_layout.hashed(levels, counts, self.buckets)
        seen = int((counts > 0).sum())
        if self.categories == "one_hot" or (self.categories == "auto" and seen <= self.most_levels):
            return column_layout.one_hot(counts, levels, self.min_count)
        return column_layout.frequency(counts)

    def _fill(self, present: NDArray[np.float32], offset: float) -> float:
        """What a missing number becomes, as stored: minus the data set's offset. 0 if no training row has one."""
        if self.impute == "constant":
            return self.constant - offset
        if not len(present):
            return 0.0
        statistic: Any = np.median if self.impute == "median" else np.mean
        return float(statistic(present.astype(np.float64)))


def needs_encoding(training: Dataset) -> bool:
    """Whether a part is a table with more than numbers, or with missing values."""
    if training.columns is None:
        return False
    if any(column.kind in ("category", "boolean") for column in training.columns):
        return True
    return training.features.dtype != np.uint8 and _has_missing(training.features)


def _has_missing(features: Features) -> bool:
    step = max(1, CHUNK_BYTES // max(1, features[:1].nbytes))
    chunks = (features[start : start + step] for start in range(0, len(features), step))
    return any(bool(np.isnan(chunk).any()) for chunk in chunks)


def _joined(columns: list[ColumnLayout]) -> Layout:
    """The layouts of all columns as one, each after the one before it."""
    start, tables = 0, [0]
    starts: list[int] = []
    fills: list[float] = []
    indicators: list[int] = []
    places: list[int] = []
    values: list[float] = []
    scaled: list[bool] = []
    for column in columns:
        starts.append(start)
        fills.append(column.fill)
        indicators.append(start + 1 if column.indicator else -1)
        places += [place if place < 0 else start + place for place in column.places]
        values += column.values
        tables.append(len(places))
        scaled += column.scaled
        start += column.width
    return Layout(
        starts=np.array(starts, np.int64),
        fills=np.array(fills, np.float32),
        indicators=np.array(indicators, np.int64),
        tables=np.array(tables, np.int64),
        places=np.array(places, np.int64),
        values=np.array(values, np.float32),
        scaled=np.array(scaled, np.bool_),
    )


def _fit_scaling(
    features: Features, layout: Layout, scaling: Scaling
) -> Iterator[tuple[NDArray[np.int64], Scaler]]:
    """Fit a scaling to the elements that are numbers, some at a time unless they are scaled jointly."""
    elements = np.flatnonzero(layout.scaled)
    together = max(1, CHUNK_BYTES // max(1, 4 * len(features)))
    step = max(1, len(elements)) if scaling.joint else together
    for start in range(0, len(elements), step):
        some = elements[start : start + step]
        yield some, scaling.fit(_numbers(features, layout, some))


def _numbers(features: Features, layout: Layout, elements: NDArray[np.int64]) -> Dataset:
    """Elements that are numbers, unscaled, of all rows: as a data set that a scaling can be fitted to."""
    encoded = np.empty((len(features), len(elements)), np.float32)
    columns = layout.column_of_element()[elements]
    for at, column in enumerate(columns.tolist()):
        stored = features[:, column].astype(np.float32)
        missing = np.isnan(stored)
        if layout.has_table[column]:
            table = slice(layout.tables[column], layout.tables[column + 1])
            entries = np.where(missing, len(layout.values[table]) - 1, stored).astype(np.int64)
            encoded[:, at] = layout.values[table][entries]
        else:
            encoded[:, at] = np.where(missing, layout.fills[column], stored)
    return Dataset("encoded", encoded, np.zeros(len(features), np.int64), ("",))
