"""The quantiles of Student's t, without SciPy.

Every summary of several seeds has an interval of Student's t. SciPy's function is as good, but its package takes 17
MB of a process and a third of a second of the first response after a start: it copies NumPy's namespace, and so
imports NumPy's test tools and its Fortran wrapper too.
"""

import math
from functools import lru_cache
from statistics import NormalDist

from workers.evaluation.incomplete_beta import log_beta, t_tail

MANY_DEGREES = 1000
"""From here, five terms of the expansion about the normal quantile are exact to 1e-12."""
FAR = 0.25
"""Below this probability of a larger value, its logarithm is nearly linear in that of the value."""
MOST_STEPS = 500
CLOSE = 1e-9
"""After a relative step of this size, the next one of Newton's method would be below rounding."""


@lru_cache(maxsize=1000)
def student_t_quantile(degrees: float, probability: float) -> float:
    """The value that a variable with Student's t distribution stays below with this probability.

    degrees: of freedom, above 0, not necessarily whole. The error is below 1e-12, in relation to values above 1.
    Raises ValueError. Oracle: scipy.special.stdtrit.
    """
    if not (degrees > 0 and 0 < probability < 1):
        raise ValueError(
            f"no quantile of Student's t: {degrees} degrees of freedom, probability {probability}"
        )
    above = min(probability, 1 - probability)
    sign = 1.0 if probability > 0.5 else -1.0
    if above == 0.5:
        return 0.0
    normal = -NormalDist().inv_cdf(above)
    return sign * (_expanded(normal, degrees) if degrees >= MANY_DEGREES else _solved(normal, degrees, above))


def _expanded(z: float, degrees: float) -> float:
    """Source: Abramowitz & Stegun 1964, 26.7.5."""
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92_160,
        (27 * z**11 + 339 * z**9 + 930 * z**7 - 1782 * z**5 - 765 * z**3 + 17_955 * z) / 368_640,
    )
    return z + sum(term / degrees**power for power, term in enumerate(terms, 1))


def _solved(normal: float, degrees: float, above: float) -> float:
    """Newton's method from the normal quantile, which is smaller: in logarithms where the tail is a power."""
    t = normal
    for _ in range(MOST_STEPS):
        found, density = t_tail(t, degrees), _density(t, degrees)
        if above < FAR:
            following = t * math.exp(math.log(found / above) * found / (t * density))
        else:
            following = t + (found - above) / density
        if abs(following - t) <= CLOSE * t:
            return following
        t = following
    return t


def _density(t: float, degrees: float) -> float:
    logarithm = log_beta(degrees / 2, 0.5) + (degrees + 1) / 2 * math.log1p(t * t / degrees)
    return math.exp(-logarithm) / math.sqrt(degrees)
