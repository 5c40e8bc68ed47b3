"""The search by a Holdout sweep: one seed a candidate, as the others have, from POST to the leaderboard."""

import time
from dataclasses import dataclass
from typing import Any

from benchmarks.search.task import BATCH, CANDIDATES, DECAYS, EPOCHS, HIDDEN, MOMENTUM, RATES, SPLIT, Rows
from service.client.client import Client

TIMEOUT_SECONDS = 600


@dataclass(frozen=True)
class Swept:
    """The seconds of a sweep, and the predictions of validation and held-back rows by two of its candidates.

    best: with the highest value. recommended: the simplest that the leaderboard cannot tell from the best.
    """

    seconds: float
    best: tuple[list[int], list[int]]
    recommended: tuple[list[int], list[int]]


def sweep(client: Client, rows: Rows, strategy: str, seed: int) -> Swept:
    """Run a sweep by a strategy. `seed` draws the candidates and trains them."""
    started = time.perf_counter()
    swept = client.submit_sweep(request(strategy, seed)).wait(timeout=TIMEOUT_SECONDS, progress=False)
    board = swept.leaderboard()
    seconds = time.perf_counter() - started
    if swept.status != "succeeded" or board.recommended is None:
        raise RuntimeError(swept.data)
    best, recommended = (
        _predictions(client, rows, id_) for id_ in (board[0]["experiment_id"], board.recommended)
    )
    _settle(client, swept.candidates().column("experiment_id"))
    return Swept(seconds, best, recommended)


def request(strategy: str, seed: int) -> dict[str, Any]:
    """The body of POST /sweeps."""
    spec = {
        "dataset": "digits",
        "split": SPLIT,
        "scaling": "standard",
        "optimizer": {"name": "sgd", "momentum": MOMENTUM},
        "training": {"epochs": EPOCHS, "batch_size": BATCH},
        "seeds": [seed],
    }
    space = {
        "optimizer.learning_rate": {"log": RATES},
        "optimizer.weight_decay": {"log": DECAYS},
        "model.hidden": HIDDEN,
    }
    chosen = {"name": strategy, "seed": seed}
    return {"spec": spec, "space": space, "strategy": chosen, "candidates": CANDIDATES}


def _predictions(client: Client, rows: Rows, id_: int) -> tuple[list[int], list[int]]:
    experiment = client.experiment(id_)
    validation, held_back = (
        [int(index) for index in experiment.predict(part.features)["index"]]
        for part in (rows.validation, rows.held_back)
    )
    return validation, held_back


def _settle(client: Client, ids: Any) -> None:
    """Wait for the intervals of all candidates: the service computes them after the training, in the others' turn."""
    for id_ in ids:
        client.experiment(int(id_))
