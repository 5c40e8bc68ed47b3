"""Trained models, loaded when somebody asks for them; the last few stay."""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from sqlalchemy import Row

from service.store import models, queries
from service.store.artifacts import Artifacts
from service.store.database import Database
from workers.checkpoint import Checkpoint
from workers.predictor import Predictor
from workers.spec import ExperimentSpec

KEPT = 4


@dataclass(frozen=True, eq=False)
class Loaded:
    """The model of one run. `experiment` is its row; epoch: the selected one, whose weights these are."""

    experiment: Row[Any]
    seed: int
    epoch: int
    sha256: str
    predictor: Predictor
    lock: Lock = field(default_factory=Lock)

    @contextmanager
    def alone(self) -> Iterator[Predictor]:
        """The predictor, for one thread at a time."""
        with self.lock:
            yield self.predictor


class Models:
    """The models of one database. A model never changes, so what is loaded is known by its run and its hash."""

    def __init__(self, database: Database, artifacts: Artifacts) -> None:
        self._database, self._artifacts = database, artifacts
        self._loaded: OrderedDict[tuple[int, str], Loaded] = OrderedDict()
        self._lock = Lock()

    def load(self, experiment_id: int, seed: int | None) -> Loaded:
        """The model of a seed, or of the first that has one. Raises UnknownExperiment, UnknownSeed or NoModel."""
        with self._database.read() as connection:
            run = models.model(connection, experiment_id, seed)
            key = (run.id, run.sha256)
            if loaded := self._held(key):
                return loaded
            experiment = queries.experiment(connection, experiment_id)
            content = models.content(connection, run.id)
        checkpoint = Checkpoint.from_bytes(self._artifacts.load(content))
        loaded = Loaded(experiment, run.seed, run.epoch, run.sha256, _predictor(experiment, checkpoint))
        self._hold(key, loaded)
        return loaded

    def _held(self, key: tuple[int, str]) -> Loaded | None:
        with self._lock:
            if key in self._loaded:
                self._loaded.move_to_end(key)
            return self._loaded.get(key)

    def _hold(self, key: tuple[int, str], loaded: Loaded) -> None:
        with self._lock:
            self._loaded[key] = loaded
            while len(self._loaded) > KEPT:
                self._loaded.popitem(last=False)


def _predictor(experiment: Row[Any], checkpoint: Checkpoint) -> Predictor:
    dataset = experiment.plan["dataset"]
    shape = tuple(dataset["shape"]) if dataset["shape"] else None
    spec = ExperimentSpec.model_validate(experiment.spec)
    return Predictor(spec, checkpoint, classes=dataset["classes"], image_shape=shape)
