"""The fields of specs as rows: their bytes sort as they do, and the migration stores what the code does."""

from importlib import import_module
from itertools import pairwise

import pytest

from service.store import spec_values
from workers.spec import ExperimentSpec

migration = import_module("service.store.migrations.versions.0027_values_of_specs")


def test_bytes_of_numbers_sort_as_the_numbers() -> None:
    numbers = [-1e300, -2.5, -1, -1e-300, 0, 5e-324, 0.1, 1, 2**53 - 1, 1e300]
    found = [spec_values.as_bytes(number) for number in numbers]
    assert all(a < b for a, b in pairwise(found))
    assert all(spec_values.BEFORE_NUMBERS < each < spec_values.AFTER_NUMBERS for each in found)
    assert spec_values.as_bytes(1) == spec_values.as_bytes(1.0)
    assert spec_values.as_bytes(0.0) == spec_values.as_bytes(-0.0)


def test_values_of_different_types_differ() -> None:
    values = [True, 1, "1", "true", [1], ["1"], 2**63, "x" * 201, "x" * 202]
    assert len({spec_values.as_bytes(value) for value in values}) == len(values)


def test_no_two_fields_have_the_same_number() -> None:
    paths = spec_values.paths()
    assert len({spec_values.number_of(path) for path in paths}) == len(paths)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"name": "é" * 200, "loss": "focal", "seeds": [0, 2**62], "tags": ["a"]},
        {"split": {"name": "cross_validation", "folds": 3}, "training": {"early_stopping": {}}},
    ],
)
def test_the_migration_stores_what_a_submission_does(given: dict[str, object]) -> None:
    spec = ExperimentSpec.model_validate(given).model_dump(mode="json")
    stored = dict(spec_values.rows_of(spec))
    migrated = dict(migration._fields(spec, "", migration.DEEPEST))
    assert stored.items() <= migrated.items()
