"""Axes of parallel coordinates: where values are placed, and which ticks they have."""

import pytest

from service.experiments.swept_axes import field_axis, value_axis


def test_rates_are_on_a_logarithmic_scale() -> None:
    found = field_axis("rate", [0.001, 0.1, 0.01])
    assert found.places == pytest.approx([0, 1, 0.5])
    assert [label for _, label in found.axis.ticks] == ["0.001", "0.01", "0.1"]
    assert "log" in found.axis.name


def test_numbers_of_one_order_are_on_a_linear_scale_with_round_ticks() -> None:
    found = field_axis("gamma", [n / 10 for n in range(10)])
    assert found.places[1] - found.places[0] == pytest.approx(found.places[9] - found.places[8])
    assert "log" not in found.axis.name
    assert {"0.2", "0.4"} <= {label for _, label in found.axis.ticks}


def test_candidates_without_the_field_are_below_the_others() -> None:
    found = field_axis("gamma", [1.0, None, 2.0])
    assert found.places[1] < found.places[0] < found.places[2]
    assert found.axis.ticks[0] == (0.0, "not set")


def test_lines_of_a_category_are_beside_each_other_the_best_above() -> None:
    found = field_axis("loss", ["focal", "focal", "cross_entropy", "focal"])
    a, b, c, d = found.places
    assert 1 > a > b > d > 0.5 > c > 0


@pytest.mark.parametrize("value", [True, [64], "none", 3, None, {"name": "focal", "gamma": 2}])
def test_a_single_value_is_in_the_middle(value: object) -> None:
    found = field_axis("field", [value])
    assert found.places == [0.5]
    assert len(found.axis.ticks) == 1


def test_many_categories_have_fewer_labels() -> None:
    found = field_axis("model.hidden", [[n] for n in range(200)])
    assert len(found.axis.ticks) <= 12
    assert len(set(found.places)) == 200


@pytest.mark.parametrize("larger_is_better", [True, False])
def test_the_best_value_is_above(larger_is_better: bool) -> None:
    small, large = value_axis("value", [0.1, 0.9], larger_is_better=larger_is_better).places
    assert (large > small) == larger_is_better


def test_no_candidate_has_no_place() -> None:
    assert value_axis("value", [], larger_is_better=True).places == []
    assert field_axis("field", []).places == []
