import pytest

from service.figure_text import duration_text, figure_text, significant_text
from workers.range_text import range_text


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
        (999.9999, "1000.000"),
        (25490.112, "25,490"),
        (-1234567.8, "-1,234,568"),
        (3.2e12, "3.2e+12"),
    ],
)
def test_a_figure_is_not_rounded_to_what_it_is_not(value: float, text: str) -> None:
    assert figure_text(value) == text


def test_the_ends_of_an_interval_may_have_fewer_decimals() -> None:
    assert [figure_text(end, 2) for end in (0.0, 0.31, 0.996, 0.0012)] == ["0.00", "0.31", "0.996", "0.0012"]


def test_a_figure_in_the_unit_of_the_target_has_four_digits_and_no_exponent() -> None:
    values = (0.00012345, 8.0498, 59.778, 8649.4, 59778.9, 3.2e12)
    assert [*map(significant_text, values)] == ["0.0001234", "8.05", "59.78", "8,649", "59,779", "3.2e+12"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("[1.88e+04, 1.69e+05)", "[18,800, 169,000)"),
        ("[-1.00001e+06, 2350]", "[-1,000,010, 2,350]"),
        ("[25, 60.5)", "[25, 60.5)"),
        ("[1e-07, 2.5e+12]", "[1e-07, 2.5e+12]"),
    ],
)
def test_the_name_of_a_range_is_read_without_exponents(name: str, text: str) -> None:
    assert range_text(name) == text


def test_a_duration_has_the_unit_that_people_say() -> None:
    seconds = (0.2, 75, 600, 6161, 200_000)
    assert [*map(duration_text, seconds)] == ["1 s", "75 s", "10 min", "1.7 h", "2.3 days"]
