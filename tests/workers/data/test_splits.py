from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from workers.data.splits import AnySplit, RatioSplit

ANY_SPLIT: TypeAdapter[Any] = TypeAdapter(AnySplit)


@pytest.mark.parametrize(
    ("spec", "train", "validation", "test"),
    [
        ({}, 0.7, 0.2, 0.1),
        ({"test": "official"}, 0.8, 0.2, "official"),
        ({"test": "official", "train": 0.9, "validation": 0.1}, 0.9, 0.1, "official"),
        ({"train": 0.5, "validation": 0.5, "test": 0}, 0.5, 0.5, 0),
    ],
)
def test_a_spec_is_resolved_to_all_of_its_ratios(
    spec: Any, train: float, validation: float, test: float | str
) -> None:
    split = ANY_SPLIT.validate_python(spec)
    assert (split.train, split.validation, split.test) == (train, validation, test)
    assert split.version == 2
    assert ANY_SPLIT.validate_json(ANY_SPLIT.dump_json(split)) == split


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"train": 0.8}, "train 0.8 + validation 0.2 + test 0.1 = 1.1; train = 0.7 would be right"),
        ({"test": "official", "train": 0.7}, "train 0.7 + validation 0.2 = 0.9; train = 0.8 would be right"),
        ({"validation": 0.8, "test": 0.4}, "= 1.9; divide each by 1.9"),
        ({"train": 0, "validation": 0.9}, "greater than 0"),
        ({"test": -0.1}, "greater than or equal to 0"),
        ({"test": "published"}, "valid number"),
        ({"ratio": 1}, "Unexpected keyword"),
        ({"version": 3}, "should be 1 or 2"),
        ({"version": 1, "groups": "duplicates"}, "version 1 of the split knows no groups"),
    ],
)
def test_ratios_that_do_not_add_up_are_refused_with_a_correction(spec: Any, message: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ANY_SPLIT.validate_python(spec)
    assert message in str(refused.value)


def test_ratios_may_carry_the_rounding_of_floating_point() -> None:
    RatioSplit(train=0.1 + 0.2, validation=0.6, test=0.1)
    with pytest.raises(ValueError, match="must sum to 1"):
        RatioSplit(train=0.7 + 1e-8, validation=0.2, test=0.1)
