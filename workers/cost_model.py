"""How long a run takes on one core, before it is started: from its multiplications, at the pace of a typical one.

The pace was measured by `make bench` on processors of 2023 (docs/performance.md). Others are faster or slower
throughout, so what runs took on a machine corrects it well.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from workers.nn.arrays import Shape
from workers.spec import ExperimentSpec

STEP = 30e-6
"""Seconds of a step, however small."""
MULTIPLICATION = 12e-12
UPDATE = 1e-9
"""Of one parameter, by the optimizer."""
EPOCH = 3e-4
"""Of an epoch's end: two evaluations, however small."""
ROW = 1e-7
"""Of a row, that is read and measured, beside its multiplications."""
WINDOWS = 2.5
"""How much longer a convolution takes for each: it gathers its windows before."""
DIRECTIONS = 3
"""Forward, and back to the weights and to the layer before."""


def typical_seconds(spec: ExperimentSpec, facts: Mapping[str, Any]) -> float:
    """The seconds of one run that is not stopped early; `facts` as `Plan.facts` gives them."""
    epochs, steps = spec.training.epochs, int(facts["steps"])
    trained = epochs * float(np.sum(facts["sampled_counts"]))
    evaluated = epochs * sum(sum(facts["split_counts"][part]) for part in ("train", "validation"))
    multiplications = _multiplications(spec, facts["dataset"]) * (DIRECTIONS * trained + evaluated)
    updates = float(steps * facts["parameters"])
    fixed = STEP * steps + EPOCH * epochs + ROW * (trained + evaluated)
    return fixed + MULTIPLICATION * multiplications + UPDATE * updates


def _multiplications(spec: ExperimentSpec, dataset: Mapping[str, Any]) -> float:
    """Of one row, forward: a layer uses each of its weights once at every place of what it puts out. Those of a
    convolution count for more.
    """
    image = tuple(dataset["shape"]) if dataset["shape"] else None
    features, classes = dataset["features"], len(dataset["classes"])
    task = spec.network_task(features=features, classes=classes, image_shape=image)
    shape: Shape = (features,)
    count = 0.0
    for layer in spec.model.layers(task, dropout=np.random.default_rng(0)):
        shape = layer.output_shape(shape)
        places = math.prod(shape[:-1])
        weights = sum(parameter.size for parameter in layer.parameters().values())
        count += weights * (WINDOWS * places if places > 1 else 1)
    return count
