"""Load trained models on request, and cache the last few. All failures of loading are handled here."""

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Row

from service.store import experiment_reader, model_reader
from service.store.artifacts.artifact_store import ArtifactError, ArtifactStore
from service.store.database import Database
from service.store.errors import UnusableModel
from service.store.run_keys import RunFilter, RunKey, name_of_run
from service.store.spec_facts import is_of_folds
from workers.checkpoint import Checkpoint, CorruptCheckpoint
from workers.lru_cache import LruCache
from workers.predictor import IncompatibleModel, Predictor
from workers.processes.messages import ArtifactReference
from workers.spec import ExperimentSpec

log = logging.getLogger("holdout.models")

CACHED_BYTES = 200_000_000
"""The models that are cached, by their arrays. A larger model is loaded for each request."""
IDLE_SECONDS = 120.0
"""To load one again takes some ten milliseconds."""
RESTORE_ARTIFACT = "Restore {} from a backup into the folder or store of HOLDOUT_ARTIFACTS"
RESTORE_DATABASE = "Restore the database from a backup"
OTHER_VERSION = "Use the version of Holdout that trained it"


class LoadFailure(Exception):
    """A model cannot be loaded, with the reason and a remedy."""

    def __init__(self, why: str, remedy: str) -> None:
        self.why, self.remedy = why, remedy
        super().__init__(why)


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """The model of one run: the weights of its selected epoch. `experiment` is the row of its experiment.

    size: of its arrays in bytes.
    """

    experiment: Row[Any]
    key: RunKey
    epoch: int
    sha256: str
    predictor: Predictor
    size: int
    lock: Lock = field(default_factory=Lock)

    @contextmanager
    def alone(self) -> Iterator[Predictor]:
        """Lock the predictor: only one thread at a time may use it."""
        with self.lock:
            yield self.predictor


class ModelCache:
    """The models of one database. A model never changes, so run and hash are the key of the cache."""

    def __init__(self, database: Database, artifacts: ArtifactStore) -> None:
        self._database, self._artifacts = database, artifacts
        self._loaded: LruCache[tuple[int, str], LoadedModel] = LruCache(
            CACHED_BYTES, lambda model: model.size, IDLE_SECONDS
        )

    def clear(self) -> None:
        """Drop all models; those in use stay with their users."""
        self._loaded.clear()

    def drop_idle(self) -> bool:
        """Drop models that were not used for long. Returns whether there were any."""
        return self._loaded.drop_idle()

    def load(self, experiment_id: int, wanted: RunFilter) -> LoadedModel:
        """The model of the first of the wanted runs that has one.

        Raises UnknownExperiment, UnknownRun, NoModel, ManyModels, UnusableModel or BlobStoreUnavailable.
        """
        with self._database.read() as connection:
            run = model_reader.model(connection, experiment_id, wanted)
            key = (run.id, run.sha256)
            if loaded := self._loaded.get(key):
                return loaded
            experiment = experiment_reader.experiment(connection, experiment_id)
            content = model_reader.content(connection, run.id)
        try:
            checkpoint = self._checkpoint(content, run.sha256)
            predictor = _predictor(experiment, checkpoint)
        except LoadFailure as error:
            name = name_of_run(RunKey.of(run), of_folds=is_of_folds(experiment.spec))
            log.warning("%s of experiment %s has no usable model: %s", name, experiment_id, error.why)
            raise UnusableModel(experiment_id, name, error.why, error.remedy) from error
        size = sum(array.nbytes for array in checkpoint.arrays.values())
        loaded = LoadedModel(experiment, RunKey.of(run), run.epoch, run.sha256, predictor, size)
        self._loaded.put(key, loaded)
        return loaded

    def _checkpoint(self, content: bytes | ArtifactReference, sha256: str) -> Checkpoint:
        """The checkpoint that was stored with this hash. Raises LoadFailure."""
        remedy = (
            RESTORE_ARTIFACT.format(content.name)
            if isinstance(content, ArtifactReference)
            else RESTORE_DATABASE
        )
        try:
            stored = self._artifacts.load(content)
            if hashlib.sha256(stored).hexdigest() != sha256:
                raise LoadFailure("its bytes in the database are damaged: their SHA-256 differs", remedy)
            return Checkpoint.from_bytes(stored)
        except ArtifactError as error:
            raise LoadFailure(error.why, remedy) from error
        except CorruptCheckpoint as error:
            raise LoadFailure(f"its bytes are {error}", remedy) from error


def _predictor(experiment: Row[Any], checkpoint: Checkpoint) -> Predictor:
    """The network of an experiment with these weights. Raises LoadFailure if another version stored them."""
    dataset = experiment.plan["dataset"]
    shape = tuple(dataset["shape"]) if dataset["shape"] else None
    try:
        return Predictor(stored_spec(experiment), checkpoint, classes=dataset["classes"], image_shape=shape)
    except IncompatibleModel as error:
        raise LoadFailure(f"another version of Holdout stored it, and {error}", OTHER_VERSION) from error


def stored_spec(experiment: Row[Any]) -> ExperimentSpec:
    """The spec of a stored experiment. Raises UnusableModel if another version stored it, and this cannot read it."""
    try:
        return ExperimentSpec.model_validate(experiment.spec)
    except ValidationError as error:
        why = "another version of Holdout stored it, and this one does not understand its spec"
        raise UnusableModel(
            experiment.id, f"seed {experiment.spec['seeds'][0]}", why, OTHER_VERSION
        ) from error
