import pytest

from service.figure_text import figure_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.8444, "0.844"),
        (63.8529, "63.853"),
        (0.0, "0.000"),
        (1.0, "1.000"),
        (-1.0, "-1.000"),
        (0.99983, "0.9998"),
        (0.9999999, "0.9999999"),
        (1.0004, "1.0004"),
        (-0.99996, "-0.99996"),
        (0.000287, "0.000287"),
        (-8.049e-32, "-8.05e-32"),
        (0.004, "0.004"),
    ],
)
def test_a_figure_is_not_rounded_to_what_it_is_not(value: float, text: str) -> None:
    assert figure_text(value) == text


def test_the_ends_of_an_interval_may_have_fewer_decimals() -> None:
    assert [figure_text(end, 2) for end in (0.0, 0.31, 0.996, 0.0012)] == ["0.00", "0.31", "0.996", "0.0012"]
