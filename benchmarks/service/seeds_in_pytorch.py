"""Eight seeds of a digits experiment in plain PyTorch, one after another.

Alone: python -m benchmarks.service.seeds_in_pytorch FOLDER

Written as a competent user would: eager, fused Adam, the data in one indexed tensor, one thread (two are slower for
networks this small), and after each epoch the metrics that an experiment stores, on both parts. Prints the seconds of
the loop, without the import of PyTorch, which takes longer than some experiments.
"""

import argparse
import time
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.service.seeds import EPOCHS, SEEDS, spec
from workers.data.registry import DatasetRegistry
from workers.data.scaling import Standard
from workers.spec import ExperimentSpec

Part = tuple[Tensor, Tensor]
BINS = 15
"""Bins of the calibration error."""


def parts(folder: Path) -> tuple[Part, Part]:
    """Training and validation rows of the same split, scaled in the same way."""
    resolved = ExperimentSpec.model_validate(spec())
    prepared = DatasetRegistry(folder).prepare_split(resolved.dataset, resolved.split)
    training, validation = prepared.read("train"), prepared.read("validation")
    scaler = Standard().fit(training)
    x, y = (
        (torch.from_numpy(scaler(part.features)), torch.from_numpy(part.labels).long())
        for part in (training, validation)
    )
    return x, y


def train(training: Part, validation: Part, seed: int) -> float:
    """Train one seed. Returns its final validation accuracy."""
    torch.manual_seed(seed)
    x, y = training
    model = nn.Sequential(nn.Linear(x.shape[1], 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer, loss = torch.optim.Adam(model.parameters(), 1e-3, fused=True), nn.CrossEntropyLoss()
    figures: list[list[dict[str, float]]] = []
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(y)).split(64):  # type: ignore[no-untyped-call]
            optimizer.zero_grad()
            loss(model(x[rows]), y[rows]).backward()
            optimizer.step()
        with torch.no_grad():
            figures.append([evaluate(model(x), y) for x, y in (training, validation)])
    return figures[-1][1]["accuracy"]


def evaluate(logits: Tensor, y: Tensor) -> dict[str, float]:
    """The metrics that an experiment stores of a part: loss, calibration, and those of the confusion matrix."""
    log_p = logits.log_softmax(1)
    p, predicted, classes = log_p.exp(), logits.argmax(1), logits.shape[1]
    target = nn.functional.one_hot(y, classes)
    confusion = (
        torch.bincount(y * classes + predicted, minlength=classes**2).reshape(classes, classes).double()
    )
    hits, true, predictions, rows = confusion.diag(), confusion.sum(1), confusion.sum(0), confusion.sum()
    covariance = hits.sum() * rows - true @ predictions
    spread = ((rows**2 - true @ true) * (rows**2 - predictions @ predictions)).sqrt()
    confidence, right = p.amax(1), (predicted == y).float()
    bins = (confidence * BINS).ceil().long().clamp(1, BINS) - 1
    gaps = torch.bincount(bins, confidence - right, minlength=BINS)
    return {
        "loss": float(nn.functional.nll_loss(log_p, y)),
        "accuracy": float(hits.sum() / rows),
        "balanced_accuracy": float((hits / true).mean()),
        "macro_f1": float((2 * hits / (true + predictions)).mean()),
        "mcc": float(covariance / spread),
        "brier": float(((p - target) ** 2).sum(1).mean()),
        "ece": float(gaps.abs().sum() / rows),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    torch.set_num_threads(1)
    training, validation = parts(parser.parse_args().folder)
    started = time.perf_counter()
    accuracies = [train(training, validation, seed) for seed in range(SEEDS)]
    seconds = time.perf_counter() - started
    if min(accuracies) < 0.9:
        raise RuntimeError(f"it has not learned: {accuracies}")
    print(seconds)


if __name__ == "__main__":
    main()
