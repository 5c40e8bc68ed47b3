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
    score: Callable[[Any], Any],
    features: Array | Integers,
    orders: Sequence[Integers],
    groups: Sequence[Sequence[int]] | None = None,
) -> Floats:
    """The metric of the rows minus that with a group of columns in another order: (G, R, ...), for R orders (n,).

    features: (n, d), as they are stored, so that all elements that a column is encoded as move together. score: the
    metric of the model on rows such as these, a larger one being better; a number, or an array of them. groups: the
    columns that move together, by default each alone.
    """
    moved = [[column] for column in range(features.shape[1])] if groups is None else groups
    whole = np.asarray(score(features), np.float64)
    drops = np.empty((len(moved), len(orders), *whole.shape))
    shuffled = np.array(features)
    for index, columns in enumerate(moved):
        for repeat, order in enumerate(orders):
            shuffled[:, columns] = features[order[:, None], np.asarray(columns)]
            drops[index, repeat] = whole - score(shuffled)
        shuffled[:, columns] = features[:, columns]
    return drops
