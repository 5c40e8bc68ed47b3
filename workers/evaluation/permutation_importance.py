"""Permutation importance: how much worse a model is once a column no longer belongs to its rows.

Breiman 2001; Fisher, Rudin & Dominici 2019. Oracle: sklearn.inspection.permutation_importance.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.nn.arrays import Array, Integers

Floats = NDArray[np.float64]


def permutation_drops(
    score: Callable[[Any], float], features: Array | Integers, orders: Sequence[Integers]
) -> Floats:
    """The metric of the rows minus that with one column in another order, (d, R): one for each of R orders (n,).

    features: (n, d), as they are stored, so that all elements that a column is encoded as move together. score: the
    metric of the model on rows such as these, a larger one being better.
    """
    whole = score(features)
    drops = np.empty((features.shape[1], len(orders)))
    shuffled = np.array(features)
    for column in range(features.shape[1]):
        for repeat, order in enumerate(orders):
            shuffled[:, column] = features[order, column]
            drops[column, repeat] = whole - score(shuffled)
        shuffled[:, column] = features[:, column]
    return drops
