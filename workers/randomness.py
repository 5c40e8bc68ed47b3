"""Named streams of random numbers: one seed gives every purpose a generator of its own."""

from typing import Literal

import numpy as np

Stream = Literal["split", "thinning", "synthetic", "init", "shuffling", "dropout", "resampling"]

# Append only: a number that changes, changes every result that was ever stored.
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
    """The generator of one stream of `seed`; `more` (an epoch, say) selects an independent one within it.

    Streams never overlap in practice: each is seeded by the hash of its whole path (NumPy's SeedSequence),
    so that no draw in one, however long, moves another.
    """
    sequence = np.random.SeedSequence(entropy=seed, spawn_key=(SPAWN_KEYS[stream], *more))
    return np.random.Generator(np.random.PCG64(sequence))
