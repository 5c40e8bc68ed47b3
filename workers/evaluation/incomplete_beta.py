"""The regularised incomplete beta function, without SciPy: the tails of Student's t and of F are values of it."""

import math

MOST_STEPS = 500
ROUNDING = 3e-16


def f_tail(degrees: float, free: float, value: float) -> float:
    """The probability of a larger value of F, with so many degrees of freedom of the numerator and the denominator.

    Oracle: scipy.special.fdtrc.
    """
    total = free + degrees * value
    return _incomplete_beta(free / 2, degrees / 2, free / total, degrees * value / total)


def t_tail(t: float, degrees: float) -> float:
    """The probability of a value of Student's t above t >= 0. Oracle: scipy.special.stdtr."""
    total = degrees + t * t
    return _incomplete_beta(degrees / 2, 0.5, degrees / total, t * t / total) / 2


def log_beta(a: float, b: float) -> float:
    """The logarithm of the beta function."""
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _incomplete_beta(a: float, b: float, x: float, rest: float) -> float:
    """The probability that a variable with the beta distribution of a and b stays below x, in [0, 1].

    rest: 1 - x, which has more digits if it is computed by itself.
    Source: Press et al. 2007, Numerical Recipes, 6.4. Oracle: scipy.special.betainc.
    """
    if x == 0 or rest == 0:
        return float(rest == 0)
    front = math.exp(a * math.log(x) + b * math.log(rest) - log_beta(a, b))
    if x < (a + 1) / (a + b + 2):
        return front * _continued_fraction(a, b, x) / a
    return 1 - front * _continued_fraction(b, a, rest) / b


def _continued_fraction(a: float, b: float, x: float) -> float:
    """By the modified method of Lentz."""
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, MOST_STEPS):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / (1 + numerator * d)
            c = 1 + numerator / c
            value *= c * d
        if abs(c * d - 1) <= ROUNDING:
            break
    return value
