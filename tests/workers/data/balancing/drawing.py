"""A training part of unequal classes, and epochs drawn from it."""

import numpy as np

from workers.data.balancing import Balancing, Draw
from workers.data.dataset import Dataset
from workers.data.scaling import Standard
from workers.randomness import generator

COUNTS = [60, 9, 25, 6]


def part(counts: list[int], seed: int = 0) -> Dataset:
    stream = np.random.default_rng(seed)
    labels = stream.permutation(np.repeat(np.arange(len(counts)), counts))
    features = stream.normal(size=(len(labels), 3)).astype(np.float32)
    return Dataset("part", features, labels, tuple(str(k) for k in range(len(counts))))


TRAINING = part(COUNTS)


def draw(balancing: Balancing, epoch: int, seed: int = 0, training: Dataset = TRAINING) -> Draw:
    """One epoch, as a trainer draws it."""
    sampler = balancing.prepare(training, Standard().fit(training), generator(seed, "resampling"))
    return sampler(generator(seed, "resampling", epoch), generator(seed, "shuffling", epoch))


def classes_of(drawn: Draw, training: Dataset = TRAINING) -> list[int]:
    """How often each class was drawn."""
    times: list[int] = np.bincount(training.labels[drawn.rows], minlength=len(training.classes)).tolist()
    return times
