"""Ranges: which values a share of the range means, and which values a grid has."""

from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from workers.sweeps.ranges import AnyRange, Range, RangeValue

RANGE: TypeAdapter[Any] = TypeAdapter(AnyRange)


def range_of(given: Any) -> Range:
    found: Range = RANGE.validate_python(given)
    return found


def values(given: Any, shares: Any) -> list[Any]:
    return [range_of(given).at(share).value for share in shares]


def grid(given: Any) -> list[Any]:
    return [each.value for each in range_of(given).grid() or ()]


def test_a_list_is_short_for_choices() -> None:
    assert range_of([1, "a", None]) == range_of({"choices": [1, "a", None]})
    assert values(["a", "b", "c"], [0, 0.3, 0.4, 0.7, 0.999999]) == ["a", "a", "b", "c", "c"]
    assert range_of(["a", "b"]).at(0.9) == RangeValue("b", 1)


def test_numbers_are_even_on_their_scale() -> None:
    assert values({"uniform": [1, 3]}, [0, 0.5]) == [1, 2]
    assert values({"log": [1e-4, 1e-2]}, [0, 0.5]) == [1e-4, 1e-3]
    drawn = np.array(values({"log": [1e-4, 1e-1]}, np.random.default_rng(0).random(2000)))
    assert drawn.min() >= 1e-4
    assert drawn.max() <= 1e-1
    assert np.mean(drawn < 1e-3) == pytest.approx(1 / 3, abs=0.04)


@pytest.mark.parametrize("log", [False, True])
def test_both_ends_of_whole_numbers_are_drawn(log: bool) -> None:
    drawn = values({"integers": [1, 8], "log": log}, np.random.default_rng(0).random(2000))
    assert set(drawn) == set(range(1, 9))
    smallest = np.mean(np.array(drawn) == 1)
    expected = np.log(1.5 / 0.5) / np.log(8.5 / 0.5) if log else 1 / 8
    assert smallest == pytest.approx(expected, abs=0.03)


def test_whole_numbers_keep_their_step() -> None:
    assert grid({"integers": [16, 70], "step": 16}) == [16, 32, 48, 64]
    assert set(values({"integers": [16, 70], "step": 16}, np.linspace(0, 0.999, 50))) == {16, 32, 48, 64}


def test_a_grid_has_the_levels_of_numbers_and_all_choices() -> None:
    assert grid({"uniform": [0, 1], "levels": 3}) == [0, 0.5, 1]
    assert grid({"log": [1e-4, 1e-1], "levels": 4}) == [1e-4, 1e-3, 1e-2, 1e-1]
    assert grid({"integers": [1, 100], "levels": 3}) == [1, 51, 100]
    assert grid([[64], [128, 64]]) == [[64], [128, 64]]
    assert range_of({"uniform": [0, 1]}).grid() is None


@pytest.mark.parametrize(
    "given",
    [
        [],
        {},
        {"uniform": [1]},
        {"uniform": [2, 1]},
        {"uniform": [1, 1]},
        {"log": [0, 1]},
        {"integers": [1, 2.5]},
        {"integers": [0, 4], "log": True},
        {"integers": [4, 1]},
        {"uniform": [0, 1], "step": 1},
        "focal",
        3,
    ],
)
def test_what_is_no_range_is_refused(given: Any) -> None:
    with pytest.raises(ValidationError):
        range_of(given)
