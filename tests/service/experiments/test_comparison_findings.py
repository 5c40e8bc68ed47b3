"""The figures in the sentence of a comparison: to the same decimal, and never rounded across zero."""

import pytest

from service.experiments.comparison_findings import signed_alike


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ((-0.128, -0.2054, -0.05), ["-0.128", "-0.205", "-0.050"]),
        ((0.1, 0.00037, 0.2), ["+0.100", "+0.00037", "+0.200"]),
        ((0.0, -0.25, 0.25), ["0", "-0.250", "+0.250"]),
        ((1234.5, -20.4, 2489.4), ["+1234", "-20", "+2489"]),
        ((3e-6, 1e-6, 5e-6), ["+0.00000300", "+0.00000100", "+0.00000500"]),
        ((0.0, 0.0, 0.0), ["0", "0", "0"]),
    ],
)
def test_the_figures_of_a_sentence_have_the_same_decimals(
    values: tuple[float, ...], shown: list[str]
) -> None:
    assert signed_alike(*values) == shown
