"""Measure what bfloat16 costs in accuracy: an MLP on MNIST, trained with the same seeds in float32 and in bfloat16.

Run: python -m benchmarks.precision [--seeds 5] [--epochs 5] [--hidden 1024 1024]. HOLDOUT_MNIST names the folder of
MNIST. Where the processor has no unit for bfloat16, its products are emulated: the results are the same up to the
order of the sums. Accuracy is that of the validation part after the last epoch.
"""

import argparse
import os
import shutil
import tempfile
from pathlib import Path
from statistics import fmean, stdev

from workers import blas

blas.configure(os.environ)  # before NumPy is imported

# ruff: noqa: E402
from scipy.stats import t as student

from benchmarks.service.memory import MNIST
from workers.bfloat16 import NoUnit
from workers.data.registry import DatasetRegistry
from workers.nn import mixed_precision
from workers.nn.mixed_precision import EmulatedProducts
from workers.spec import ExperimentSpec
from workers.training import Trainer

PRECISIONS = ("float32", "bfloat16")


def main() -> None:
    """Print the accuracies of each seed, and the mean difference with its 95 % interval."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--hidden", type=int, nargs="*", default=[1024, 1024])
    given = parser.parse_args()
    print(f"bfloat16 is multiplied by: {_products()}")
    differences = []
    print("| seed | float32 | bfloat16 | difference in points |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(MNIST, Path(folder) / "datasets" / "mnist")
        registry = DatasetRegistry(Path(folder))
        for seed in range(given.seeds):
            exact, rounded = (
                _accuracy(registry, precision, seed, given.epochs, given.hidden) for precision in PRECISIONS
            )
            differences.append(100 * (rounded - exact))
            print(f"| {seed} | {exact:.4f} | {rounded:.4f} | {differences[-1]:+.2f} |", flush=True)
    half = student.ppf(0.975, given.seeds - 1) * stdev(differences) / given.seeds**0.5
    print(
        f"mean difference {fmean(differences):+.3f} points, 95 % interval +- {half:.3f} (paired over seeds)"
    )


def _products() -> str:
    """What takes the products; the emulation, if this processor has nothing faster."""
    try:
        return mixed_precision.products().name
    except NoUnit as missing:
        mixed_precision.products = EmulatedProducts  # type: ignore[assignment]
        return f"float32 with rounded operands, because {missing.reason}"


def _accuracy(registry: DatasetRegistry, precision: str, seed: int, epochs: int, hidden: list[int]) -> float:
    training = {"epochs": epochs, "batch_size": 128, "precision": precision}
    given = {"dataset": "mnist", "model": {"hidden": hidden}, "training": training}
    spec = ExperimentSpec.model_validate(given)
    prepared = registry.prepare_split(spec.dataset, spec.split)
    parts = prepared.read("train"), prepared.read("validation")
    *_, last = Trainer(spec, *parts, seed=seed).epochs()
    accuracy = last.validation.metrics["accuracy"]
    if accuracy is None:
        raise ValueError("the validation part is empty")
    return accuracy


if __name__ == "__main__":
    main()
