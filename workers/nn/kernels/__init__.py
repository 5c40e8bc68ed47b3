"""The passes between the matrix products: which implementation runs is decided here and nowhere else.

HOLDOUT_KERNELS=numpy takes the readable one, numba the compiled one, auto (the default) the compiled one
where numba is installed. Both compute the same formulas; a run that must repeat its bits keeps to one of them.
"""

import os
from functools import cache
from importlib.util import find_spec

from workers.nn.kernels.contract import Kernels


@cache
def current() -> Kernels:
    """The kernels of this process. The compiled ones take seconds to load, so that only training asks."""
    asked = os.environ.get("HOLDOUT_KERNELS", "auto")
    if asked not in ("auto", "numpy", "numba"):
        raise ValueError(f"HOLDOUT_KERNELS is {asked!r}; it should be auto, numpy or numba")
    if asked == "numpy" or (asked == "auto" and find_spec("numba") is None):
        from workers.nn.kernels import reference

        return reference
    from workers.nn.kernels import compiled

    return compiled
