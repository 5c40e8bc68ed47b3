"""Presets: spaces for questions that are asked again and again."""

from typing import Any, Literal

Preset = Literal["imbalance", "learning_rate", "losses"]


def space_of(preset: Preset) -> dict[str, Any]:
    """The space of a preset, as a request would give it."""
    return SPACES[preset]


SPACES: dict[str, dict[str, Any]] = {
    "imbalance": {
        "spec": [
            {"balancing": "none", "class_weights": "none", "loss": "cross_entropy"},
            {"balancing": "oversample", "class_weights": "none", "loss": "cross_entropy"},
            {"balancing": "none", "class_weights": "inverse_frequency", "loss": "cross_entropy"},
            {"balancing": "none", "class_weights": "none", "loss": "balanced_softmax"},
        ]
    },
    "learning_rate": {"optimizer.learning_rate": {"log": [1e-4, 1e-1], "levels": 7}},
    "losses": {
        "loss": [
            "cross_entropy",
            "focal",
            "generalized_cross_entropy",
            "balanced_softmax",
            "logit_adjustment",
        ]
    },
}
"""imbalance: no treatment, resampling, weights of the classes, and a loss that knows how frequent they are."""
