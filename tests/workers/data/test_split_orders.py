"""Splits by a column: by time, by group and by a value; the sealed rows stay those of every other split."""

from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from workers.data.columns import Column
from workers.data.dataset import Dataset
from workers.data.errors import ColumnDoesNotDivide
from workers.data.prepared_splits import split_key
from workers.data.row_digests import row_digests
from workers.data.split_rows import SplitRows, split_rows, split_rows_by_column
from workers.data.splits import AnySplit
from workers.spec import ExperimentSpec

ROWS = 600
KEY = "8920227ec7cdfcc5aa0c02d06149b59b446498ea7632b12c1a99b49483b00d0a"
HASH = "1b123745128cda75743386f2e2e5cdcabf0931af0917aa4768be8054f181fa2b"
SPLIT: TypeAdapter[Any] = TypeAdapter(AnySplit)


@pytest.fixture
def table() -> Dataset:
    """A day, stored relative to a large offset, a site of 12, a value, and two classes."""
    random = np.random.default_rng(0)
    day, site = random.integers(0, 200, ROWS), random.integers(0, 12, ROWS)
    features = np.stack([day - 100, site, random.normal(size=ROWS)], axis=1).astype(np.float32)
    columns = (Column("day", "date"), Column("site", "category", tuple("abcdefghijkl")), Column("x"))
    labels = random.integers(0, 2, ROWS)
    offset = np.array([20_100.0, 0, 0])
    return Dataset("t", features, labels, ("no", "yes"), offset=offset, columns=columns)


def divided(table: Dataset, by: dict[str, Any], **fields: Any) -> SplitRows:
    return split_rows_by_column(table, row_digests(table), SPLIT.validate_python({"by": by, **fields}))


def test_the_past_trains_and_the_latest_rows_validate(table: Dataset) -> None:
    rows = divided(table, {"name": "time", "column": "day"})
    day = table.features[:, 0]
    assert day[rows.train].max() < day[rows.validation].min()
    assert len(rows.validation) / (len(rows.train) + len(rows.validation)) == pytest.approx(2 / 9, abs=0.01)


def test_no_group_has_rows_in_both_parts_and_the_seed_draws_the_groups(table: Dataset) -> None:
    site, validating = table.features[:, 1], set()
    for seed in range(6):
        rows = divided(table, {"name": "group", "column": "site"}, seed=seed)
        of_train, of_validation = (set(site[part].tolist()) for part in (rows.train, rows.validation))
        assert not of_train & of_validation
        assert 0.1 < len(rows.validation) / (len(rows.train) + len(rows.validation)) < 0.4
        validating.add(frozenset(of_validation))
    assert len(validating) > 3


def test_the_rows_with_a_value_validate(table: Dataset) -> None:
    rows = divided(table, {"name": "value", "column": "site", "values": ["c", "k"]})
    assert set(table.features[rows.validation, 1].tolist()) == {2.0, 10.0}
    assert not {2.0, 10.0} & set(table.features[rows.train, 1].tolist())
    rows = divided(table, {"name": "value", "column": "day", "values": [20_100]})
    assert set(table.features[rows.validation, 0].tolist()) == {0.0}


@pytest.mark.parametrize(
    "by",
    [
        {"name": "time", "column": "day"},
        {"name": "group", "column": "site"},
        {"name": "value", "column": "site", "values": ["a"]},
    ],
)
def test_the_sealed_rows_are_those_of_every_split(table: Dataset, by: dict[str, Any]) -> None:
    plain = split_rows(table.labels, row_digests(table), table.classes, SPLIT.validate_python({}))
    rows = divided(table, by)
    assert rows.test.tolist() == plain.test.tolist()
    parts = np.concatenate([rows.train, rows.validation, rows.test])
    assert np.sort(parts).tolist() == list(range(ROWS))


@pytest.mark.parametrize(
    ("by", "why"),
    [
        ({"name": "time", "column": "hour"}, "is no column"),
        ({"name": "time", "column": "site"}, "no order in time"),
        ({"name": "value", "column": "site", "values": ["z"]}, "has no value 'z'"),
        ({"name": "value", "column": "x", "values": ["z"]}, "has numbers"),
        ({"name": "value", "column": "x", "values": [99.5]}, "puts all rows into one part"),
        ({"name": "value", "column": "site", "values": list("abcdefghijkl")}, "puts all rows into one part"),
    ],
)
def test_a_column_that_does_not_divide_is_an_error(table: Dataset, by: dict[str, Any], why: str) -> None:
    with pytest.raises(ColumnDoesNotDivide, match=why):
        divided(table, by)


def test_missing_values_and_a_class_without_training_rows_are_errors(table: Dataset) -> None:
    table.labels[:] = table.features[:, 0] > 60
    with pytest.raises(ColumnDoesNotDivide, match="no training row of class 'yes'"):
        divided(table, {"name": "time", "column": "day"}, train=0.5, validation=0.4, test=0.1)
    table.features[:50, 0] = np.nan
    with pytest.raises(ColumnDoesNotDivide, match="has no value in"):
        divided(table, {"name": "time", "column": "day"})


def test_a_split_by_a_column_does_not_stratify_and_is_of_this_version() -> None:
    assert SPLIT.validate_python({"by": {"name": "time", "column": "t"}}).stratify is False
    for wrong in ({"by": "time"}, {"by": {"name": "time", "column": "t"}, "version": 1}):
        with pytest.raises(ValidationError):
            SPLIT.validate_python(wrong)


def test_the_names_and_hashes_of_other_splits_are_as_they_were() -> None:
    """From the version that knew no columns: prepared splits and records of used rows keep their names."""
    plain = SPLIT.validate_python({})
    assert split_key("aa", plain, None) == KEY
    assert ExperimentSpec().spec_hash == HASH
