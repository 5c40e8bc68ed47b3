"""Random number streams: one seed gives each purpose a generator of its own."""

from typing import Literal

import numpy as np

Stream = Literal[
    "split",
    "thinning",
    "synthetic",
    "init",
    "shuffling",
    "dropout",
    "resampling",
    "folds",
    "intervals",
    "comparisons",
    "sweeps",
    "importance",
    "shift",
    "corruptions",
    "monitors",
    "random_division",
]

# Append only: changing a number changes every result stored so far.
SPAWN_KEYS: dict[Stream, int] = {
    "split": 0,
    "thinning": 1,
    "synthetic": 2,
    "init": 3,
    "shuffling": 4,
    "dropout": 5,
    "resampling": 6,
    "folds": 7,
    "intervals": 8,
    "comparisons": 9,
    "sweeps": 10,
    "importance": 11,
    "shift": 12,
    "corruptions": 13,
    "monitors": 14,
    "random_division": 15,
}


def run_seed(seed: int, repeat: int = 0, fold: int = 0) -> int:
    """The seed of the streams of a run. Each fold has its own, so that its luck is part of the spread over folds.

    The first fold of the first repeat has `seed` itself, as has every run with one split.
    """
    if repeat == fold == 0:
        return seed
    return int(generator(seed, "folds", repeat, fold).integers(2**63))


def generator(seed: int, stream: Stream, *more: int) -> np.random.Generator:
    """The generator of one stream of `seed`. `more`, such as an epoch, selects an independent stream within it.

    Streams do not overlap in practice: NumPy's SeedSequence seeds each by a hash of its whole path. So draws from one
    stream, however many, never change another.
    """
    sequence = np.random.SeedSequence(entropy=seed, spawn_key=(SPAWN_KEYS[stream], *more))
    return np.random.Generator(np.random.PCG64(sequence))
