"""The losses under test: every variant of the union, on every output it allows, in several settings."""

from typing import Any, get_args, get_type_hints

import numpy as np
import pytest

from workers.nn.arrays import Array, Integers
from workers.nn.losses import AnyLoss, Loss, LossFunction
from workers.nn.output_layers import Output
from workers.tagged_union import members, name_of

COUNTS = np.array([900, 90, 9, 1])
CLASSES = len(COUNTS)

SETTINGS: dict[str, list[dict[str, Any]]] = {
    "huber": [{"delta": 0.25}],
    "barron": [{"alpha": alpha, "c": 0.7} for alpha in (2.0, 1.5, 0.0, -2.0, "-inf")],
    "quantile": [{"quantile": 0.9}],
    "balanced_mse": [{"sigma": 0.3}],
    "cross_entropy": [{"label_smoothing": 0.1}],
    "focal": [{"gamma": 0.0}, {"gamma": 0.5, "alpha": (0.1, 1.0, 2.0, 0.0)}],
    "generalized_cross_entropy": [{"q": 0.01}, {"q": 1.0}],
    "logit_adjustment": [{"tau": 0.3}],
    "ldam": [{"scale": 10.0, "max_margin": 0.9}],
}
"""Settings to test beside the defaults, by name. A new loss is tested with its defaults without an entry."""


def allowed_outputs(cls: type[Loss]) -> tuple[Output, ...]:
    return get_args(get_type_hints(cls)["output"])


LOSSES = [
    cls(output=output, **fields)
    for cls in members(AnyLoss)
    for output in allowed_outputs(cls)
    for fields in [{}, *SETTINGS.get(name_of(cls), [])]
]


def case(loss: Loss) -> str:
    fields = {k: v for k, v in vars(loss).items() if k != "name"}
    return f"{loss.name}-{'-'.join(map(str, fields.values()))}"


every_loss = pytest.mark.parametrize("loss", LOSSES, ids=case)


def some_logits(rows: int = 12, spread: float = 2.0, dtype: type[np.floating[Any]] = np.float64) -> Array:
    return np.random.default_rng(1).normal(0, spread, (rows, CLASSES)).astype(dtype)


def some_labels(rows: int = 12) -> Integers:
    return np.arange(rows) % CLASSES


def one_hot(labels: Integers) -> Array:
    return np.eye(CLASSES)[labels]


def assert_same(one: LossFunction, other: LossFunction, factor: float = 1, rtol: float = 1e-12) -> None:
    logits, labels = some_logits(), some_labels()
    for mine, theirs in zip(one(logits, labels), other(logits, labels), strict=True):
        np.testing.assert_allclose(mine, factor * theirs, rtol=rtol, atol=1e-14)
