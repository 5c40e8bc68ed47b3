"""How numbers, times and dates read on the pages."""

import pytest

from service.pages.rendering import day, duration, evidence, figure, p_in_text, p_value, share


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (figure(0.12345), "0.123"),
        (figure(12345.6), "12,345.600"),
        (figure(None), "–"),
        (p_value(0.02314), "0.0231"),
        (p_value(0.0), "< 0.0001"),
        (p_value(None), "–"),
        (p_in_text(0.02314), "p = 0.0231"),
        (p_in_text(1e-9), "p < 0.0001"),
        (evidence(0.0), "0.000"),
        (evidence(2.5519), "2.552"),
        (evidence(882.788), "882.8"),
        (evidence(4e11), "4.0 × 10¹¹"),
        (evidence(2.14e-7), "2.1 × 10⁻⁷"),
        (evidence(float("inf")), "∞"),
        (share(0.1233), "12.3 %"),
        (share(None), "–"),
        (day(20454.0), "2026-01-01"),
        (day(20454.25), "2026-01-01 06:00"),
        (day(-719162.0), "0001-01-01"),
        (day(1e12), "1e+12"),
        (duration(0.2), "1 s"),
        (duration(89.0), "89 s"),
        (duration(600.0), "10 min"),
        (duration(7200.0), "2.0 h"),
        (duration(None), "–"),
    ],
)
def test_a_value_reads_as_people_write_it(shown: str, text: str) -> None:
    assert shown == text
