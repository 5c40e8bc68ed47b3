"""The validation rows that batches are compared with, scored by the model of a run, and cached for the next batch."""

from service.experiments.model_cache import LoadedModel, stored_spec
from workers import scored_rows
from workers.data.registry import DatasetRegistry
from workers.data.splits import CrossValidation, Fold
from workers.lru_cache import LruCache
from workers.randomness import generator
from workers.shift.rows import Reference

CACHED_BYTES = 100_000_000
IDLE_SECONDS = 900.0


class ShiftReferences:
    """The references of one registry. A model never changes, and its hash is the key of the cache."""

    def __init__(self, registry: DatasetRegistry) -> None:
        self._registry = registry
        self._loaded: LruCache[tuple[int, str], Reference] = LruCache(
            CACHED_BYTES, lambda reference: reference.nbytes, IDLE_SECONDS
        )

    def clear(self) -> None:
        """Drop all references; those in use stay with their users."""
        self._loaded.clear()

    def of(self, model: LoadedModel) -> Reference:
        """The validation part of a model; of a fold, its evaluation part. Raises DatasetError."""
        key = (model.experiment.id, model.sha256)
        if found := self._loaded.get(key):
            return found
        spec = stored_spec(model.experiment)
        fold = Fold(model.key.repeat, model.key.fold)
        prepared = self._registry.prepare_split(spec.dataset, spec.split, fold)
        part = prepared.read("evaluation" if isinstance(spec.split, CrossValidation) else "validation")
        with model.alone() as predictor:
            reference = scored_rows.reference(predictor, part, generator(0, "shift"))
        self._loaded.put(key, reference)
        return reference
