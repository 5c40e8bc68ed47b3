"""Random number streams: one seed gives each purpose a generator of its own."""

from typing import Literal

import numpy as np

Stream = Literal["split", "thinning", "synthetic", "init", "shuffling", "dropout", "resampling"]

# Append only: changing a number changes every result stored so far.
SPAWN_KEYS: dict[Stream, int] = {
    "split": 0,
    "thinning": 1,
    "synthetic": 2,
    "init": 3,
    "shuffling": 4,
    "dropout": 5,
    "resampling": 6,
}


def generator(seed: int, stream: Stream, *more: int) -> np.random.Generator:
    """The generator of one stream of `seed`. `more`, such as an epoch, selects an independent stream within it.

    Streams do not overlap in practice: NumPy's SeedSequence seeds each by a hash of its whole path. So draws from one
    stream, however many, never change another.
    """
    sequence = np.random.SeedSequence(entropy=seed, spawn_key=(SPAWN_KEYS[stream], *more))
    return np.random.Generator(np.random.PCG64(sequence))
