"""A figure as people read it: with few digits, but never as a number that it is not."""

SMALL = 0.01
"""Below it, a figure has as many significant digits as others have decimals: errors are in the unit of the target."""
MOST_DECIMALS = 9
LARGE, HUGE = 1_000, 1e9
"""From one to the other, a figure has no decimals and no exponent, but separated thousands: 25,490."""


def figure_text(value: float, decimals: int = 3) -> str:
    """A figure with so many decimals. One that is not 0, 1 or -1 is not shown as if it were: 0.9998, 2.73e-05."""
    if abs(value) >= LARGE:
        return significant_text(value)
    if 0 < abs(value) < SMALL:
        return f"{value:.{decimals}g}"
    texts = (f"{value:.{digits}f}" for digits in range(decimals, MOST_DECIMALS + 1))
    rounded = f"{value:.{decimals}f}"
    return next((text for text in texts if abs(float(text)) != 1 or abs(value) == 1), rounded)


def significant_text(value: float, digits: int = 4) -> str:
    """A figure with so many significant digits, if it is not large."""
    return f"{value:,.0f}" if LARGE <= abs(value) < HUGE else f"{value:.{digits}g}"


def duration_text(seconds: float) -> str:
    """Seconds as people say them: 12 s, 5 min, 1.7 h, 3.2 days."""
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"
