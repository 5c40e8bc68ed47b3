"""Cost model: estimates how long a run will take on one core, from its multiplications and other work.

The costs were measured by `make bench` on processors of 2023 (docs/performance.md). Another processor is faster or
slower by about one factor, so the durations of earlier runs on a machine correct the estimate well.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from workers.nn.arrays import Shape
from workers.spec import ExperimentSpec

STEP_SECONDS = 30e-6
"""Fixed cost of a step."""
MULTIPLICATION_SECONDS = 12e-12
UPDATE_SECONDS = 1e-9
"""Cost of updating one parameter."""
EPOCH_SECONDS = 3e-4
"""Fixed cost of the two evaluations at the end of an epoch."""
ROW_SECONDS = 1e-7
"""Cost of reading and evaluating a row, apart from its multiplications."""
CONVOLUTION_FACTOR = 2.5
"""How much longer a multiplication takes in a convolution, which first gathers its windows (im2col)."""
TRAINING_PASSES = 3
"""The forward pass, and the gradients of the weights and of the previous layer."""
SOLVER_PASSES = 1000
"""Those of a solver over the training rows: about 400 gradients and curvatures, with two or three passes each."""


def typical_seconds(spec: ExperimentSpec, facts: Mapping[str, Any]) -> float:
    """Estimate the seconds of one run without early stopping; `facts` are those of `Plan.facts`."""
    epochs, steps = spec.training.epochs, int(facts["steps"])
    drawn = facts["split_counts"]["train"] if spec.model.solved else facts["sampled_counts"]
    trained = epochs * float(np.sum(drawn))
    evaluated = epochs * sum(sum(facts["split_counts"][part]) for part in ("train", "validation"))
    passes = SOLVER_PASSES if spec.model.solved else TRAINING_PASSES
    multiplications = _multiplications_of(spec, facts) * (passes * trained + evaluated)
    updates = float(steps * facts["parameters"])
    fixed = STEP_SECONDS * steps + EPOCH_SECONDS * epochs + ROW_SECONDS * (trained + evaluated)
    return fixed + MULTIPLICATION_SECONDS * multiplications + UPDATE_SECONDS * updates


def row_seconds(spec: ExperimentSpec, *, features: int, classes: int, image_shape: Shape | None) -> float:
    """Estimate the seconds that a network needs to predict a row of so many features, as it reads them."""
    multiplications = _multiplications(spec, features, classes, image_shape)
    return ROW_SECONDS + MULTIPLICATION_SECONDS * multiplications


def _multiplications_of(spec: ExperimentSpec, facts: Mapping[str, Any]) -> float:
    """Those of a row of the data set of a plan. Plans of earlier versions do not say how wide an encoded row is."""
    dataset = facts["dataset"]
    image = tuple(dataset["shape"]) if dataset["shape"] else None
    features = facts.get("input_features", dataset["features"])
    return _multiplications(spec, features, len(dataset["classes"]), image)


def _multiplications(spec: ExperimentSpec, features: int, classes: int, image_shape: Shape | None) -> float:
    """The multiplications of one row's forward pass: a layer uses each weight once at every place of its output.

    Those of a convolution are weighted by CONVOLUTION_FACTOR.
    """
    task = spec.network_task(features=features, classes=classes, image_shape=image_shape)
    shape: Shape = (features,)
    count = 0.0
    for layer in spec.model.layers(task, dropout=np.random.default_rng(0)):
        shape = layer.output_shape(shape)
        places = math.prod(shape[:-1])
        weights = sum(parameter.size for parameter in layer.parameters().values())
        count += weights * (CONVOLUTION_FACTOR * places if places > 1 else 1)
    return count
