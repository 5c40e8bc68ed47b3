"""Example specs, one for each kind of experiment: Swagger UI shows them, and the tests run them."""

from typing import Any

from fastapi.openapi.models import Example

SPECS: dict[str, Example] = {
    "defaults": {
        "summary": "Nothing but defaults",
        "description": "Digits, 70:20:10, one hidden layer, cross-entropy, Adam.",
        "value": {},
    },
    "focal": {
        "summary": "Focal loss on imbalanced digits, three seeds",
        "description": "The upper half of the classes keeps a tenth of its training rows.",
        "value": {
            "name": "digits-focal",
            "tags": ["demo"],
            "dataset": {"name": "digits", "imbalance": {"kind": "step", "ratio": 10}},
            "loss": {"name": "focal", "gamma": 2},
            "seeds": [0, 1, 2],
        },
    },
    "class_weights": {
        "summary": "Imbalance treated in the gradients: class weights",
        "value": {
            "dataset": {"name": "digits", "imbalance": {"kind": "exponential", "ratio": 20}},
            "class_weights": "inverse_frequency",
            "replicates": 3,
        },
    },
    "oversampling": {
        "summary": "Imbalance treated in the sampling: oversampling",
        "value": {
            "dataset": {"name": "digits", "imbalance": {"kind": "exponential", "ratio": 20}},
            "balancing": "oversample",
            "replicates": 3,
        },
    },
    "l2": {
        "summary": "L2 instead of cross-entropy",
        "description": "Submit it once more without `loss`, and compare.",
        "value": {"dataset": "wine", "loss": {"name": "l2", "output": "softmax"}, "replicates": 3},
    },
    "momentum": {
        "summary": "SGD with momentum as a moving average of gradients",
        "value": {
            "optimizer": {"name": "sgd", "learning_rate": 0.5, "momentum": 0.9, "momentum_form": "ema"},
            "training": {"epochs": 30, "schedule": "cosine"},
        },
    },
    "regularised": {
        "summary": "Dropout, batch norm, early stopping",
        "value": {
            "model": {"hidden": [128, 64], "dropout": 0.2, "batch_norm": True},
            "training": {"epochs": 50, "early_stopping": {"metric": "balanced_accuracy", "patience": 5}},
        },
    },
    "cross_validation": {
        "summary": "Cross-validation: each fold in turn evaluates what the others trained",
        "description": "The intervals of its summary are for the procedure on new data.",
        "value": {
            "dataset": "wine",
            "split": {"name": "cross_validation", "folds": 5, "validation": 0.2, "test": 0.1},
        },
    },
    "mixed_table": {
        "summary": "A table with categories and missing values, five seeds",
        "description": "The plan lists the gaps of each column; the preprocessing is a part of the model.",
        "value": {
            "dataset": "penguins",
            "preprocessing": {"impute": "median", "categories": "one_hot", "min_count": 3},
            "seeds": [0, 1, 2, 3, 4],
        },
    },
    "majority": {
        "summary": "90:10, where a constant classifier scores 0.9",
        "description": "Classes that no model can distinguish: see the findings in the summary.",
        "value": {"dataset": {"name": "synthetic", "counts": [1800, 200], "separation": 0}, "replicates": 3},
    },
    "mnist": {
        "summary": "MNIST from a folder of IDX files, with its official test part",
        "description": "Needs the four files in DATA_DIR/datasets/mnist.",
        "value": {
            "dataset": "mnist",
            "split": {"test": "official"},
            "training": {"epochs": 5, "batch_size": 128},
        },
    },
}

SWEEPS: dict[str, Example] = {
    "learning_rate_and_loss": {
        "summary": "Twelve candidates drawn at random, three seeds each",
        "description": "gamma applies to the candidates with the focal loss.",
        "value": {
            "name": "digits",
            "spec": {"dataset": "digits", "training": {"epochs": 10}, "replicates": 3},
            "space": {
                "optimizer.learning_rate": {"log": [0.0001, 0.1]},
                "loss": [
                    "cross_entropy",
                    {"name": "focal", "gamma": {"uniform": [0, 5]}},
                    "balanced_softmax",
                ],
                "model.hidden": [[64], [128, 64]],
            },
            "strategy": {"name": "random", "seed": 0},
            "candidates": 12,
        },
    },
    "imbalance": {
        "summary": "Treatments of imbalanced classes, side by side",
        "value": {
            "preset": "imbalance",
            "spec": {
                "dataset": {"name": "digits", "imbalance": {"kind": "step", "ratio": 20}},
                "replicates": 3,
            },
        },
    },
}


def spec(name: str) -> Any:
    """The spec of one example."""
    return SPECS[name]["value"]
