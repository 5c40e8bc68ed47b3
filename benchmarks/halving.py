"""Measure successive halving: is its last candidate in the top group of the full grid, and how much does it train?

Run: python -m benchmarks.halving [--repeats 10]. Every candidate trains once, to its end, and halving reads its rungs
from these epochs: they are those that it would have trained.
"""

import argparse
import os
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from workers import blas

blas.configure(os.environ)  # before NumPy is imported

# ruff: noqa: E402
import numpy as np

from benchmarks.simulation.twins import DrawnResults
from service.experiments.candidate_comparison import Entrant, compare_candidates
from service.experiments.candidate_rows import load_rows
from service.experiments.contenders import Contender
from service.store.run_keys import RunKey
from workers.data.registry import DatasetRegistry
from workers.plan import Plan
from workers.sweeps.candidates import plan_sweep
from workers.sweeps.request import SweepRequest
from workers.sweeps.strategies import SuccessiveHalving
from workers.training import Diverged, Trainer

DATASETS = ("digits", "wine", "breast_cancer")
EPOCHS, CANDIDATES = 9, 9
METRIC = "balanced_accuracy"
SPACE = {
    "optimizer.learning_rate": {"log": [1e-4, 1e-1]},
    "loss": ["cross_entropy", {"name": "focal", "gamma": {"uniform": [0, 5]}}],
    "model.hidden": [[8], [32], [64, 32]],
}


def main() -> None:
    """Print a row for each data set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=10)
    repeats = parser.parse_args().repeats
    print(
        "| data set | sweeps | last candidate in the top group | epochs, of the full grid |\n|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as folder:
        registry = DatasetRegistry(Path(folder))
        for dataset in DATASETS:
            found = [_repeat(registry, dataset, seed) for seed in range(repeats)]
            in_top, shares = zip(*found, strict=True)
            print(f"| {dataset} | {repeats} | {sum(in_top)} | {np.mean(shares):.0%} |", flush=True)


def _repeat(registry: DatasetRegistry, dataset: str, seed: int) -> tuple[bool, float]:
    spec = {"dataset": dataset, "training": {"epochs": EPOCHS}, "seeds": [seed]}
    strategy = {"name": "successive_halving", "seed": seed}
    request = SweepRequest.model_validate(
        {"spec": spec, "space": SPACE, "strategy": strategy, "candidates": CANDIDATES}
    )
    assert isinstance(request.strategy, SuccessiveHalving)
    plans = [each.plan for each in plan_sweep(request, registry).candidates]
    curves, entrants = [], []
    for number, plan in enumerate(plans):
        curve, entrant = _train(registry, plan, number, seed)
        curves.append(curve)
        entrants.append(entrant)
    last, epochs = _halve(request.strategy, curves)
    ranked = sorted(entrants, key=lambda each: -each.value)
    compared = compare_candidates(ranked, METRIC)
    assert compared is not None
    top = {
        each.contender.id
        for each, is_top in zip(compared.entrants, compared.found.against_best.top, strict=True)
        if is_top
    }
    return last in top, epochs / (EPOCHS * len(plans))


def _train(registry: DatasetRegistry, plan: Plan, number: int, seed: int) -> tuple[list[float], Entrant]:
    """The best value up to each epoch, and the candidate as a leaderboard sees it."""
    parts = registry.prepare_split(plan.spec.dataset, plan.spec.split)
    trainer = Trainer(plan.spec, parts.read("train"), parts.read("validation"), seed=seed)
    values: list[float] = []
    try:
        values = [float(epoch.validation.metrics[METRIC] or 0) for epoch in trainer.epochs()]
    except Diverged:
        values += [0.0] * (EPOCHS - len(values))
    curve = np.maximum.accumulate(values).tolist()
    facts = {"spec": plan.spec.model_dump(mode="json"), "plan": plan.facts(), "id": number}
    key, results = RunKey(0, 0, seed), trainer.row_results(parts.rows("validation"))
    figures: Any = {key: SimpleNamespace(**{METRIC: curve[-1]})}
    rows: Any = {key: SimpleNamespace(results=results)}
    contender = Contender(SimpleNamespace(**facts), str(number), figures, rows, {})  # type: ignore[arg-type]
    return curve, Entrant(contender, curve[-1], next(load_rows([contender], DrawnResults())))


def _halve(strategy: SuccessiveHalving, curves: list[list[float]]) -> tuple[int, int]:
    """The last candidate, and how many epochs were trained."""
    alive, reached, epochs = list(range(len(curves))), 0, 0
    for rung in [*strategy.rungs(EPOCHS, len(curves)), EPOCHS]:
        epochs += len(alive) * (rung - reached)
        ranked = sorted(alive, key=lambda each: (-curves[each][rung - 1], each))
        alive, reached = ranked[: strategy.survivors(len(ranked))] if rung < EPOCHS else ranked, rung
    return alive[0], epochs


if __name__ == "__main__":
    main()
