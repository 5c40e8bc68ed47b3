"""Builds what the process of a job is given: the models, and the prepared rows of their folds."""

from service.experiments.model_cache import stored_spec
from service.experiments.row_differences import class_counts_of
from service.settings import Settings
from service.store import experiment_reader, jobs, model_reader
from service.store.artifacts.artifact_store import ArtifactStore
from service.store.database import Database
from service.store.jobs import JobClaim
from service.store.run_keys import RunKey, spread_over_folds
from workers.data.registry import DatasetRegistry
from workers.data.splits import Fold
from workers.jobs.messages import AssignedModel, JobAssignment

MOST_MODELS = 20


class JobAssignmentBuilder:
    """Builds assignments for one database's jobs."""

    def __init__(
        self, database: Database, registry: DatasetRegistry, settings: Settings, artifacts: ArtifactStore
    ) -> None:
        self._database, self._registry = database, registry
        self._settings, self._artifacts = settings, artifacts

    def build(self, claim: JobClaim) -> JobAssignment:
        """Load the models, and prepare the rows. Raises StoreError, DatasetError or ArtifactError."""
        with self._database.read() as connection:
            experiment = experiment_reader.experiment(connection, claim.experiment_id)
            chosen = spread_over_folds(jobs.models_of(connection, claim.experiment_id), MOST_MODELS)
            contents = [model_reader.content(connection, each.run_id) for each in chosen]
        spec, dataset = stored_spec(experiment), experiment.plan["dataset"]
        folds = sorted({Fold(each.repeat, each.fold) for each in chosen})
        folders = {
            fold: self._registry.prepare_split(spec.dataset, spec.split, fold).folder for fold in folds
        }
        models = [
            AssignedModel(
                *RunKey.of(each), self._artifacts.load(content), folders[Fold(each.repeat, each.fold)]
            )
            for each, content in zip(chosen, contents, strict=True)
        ]
        counts = class_counts_of(experiment.spec, experiment.plan)
        return JobAssignment(
            kind=claim.kind,
            spec=spec.model_dump_json(),
            request=claim.request,
            models=models,
            classes=dataset["classes"],
            shape=tuple(dataset["shape"]) if dataset["shape"] else None,
            class_counts=None if counts is None else counts.tolist(),
            steps=claim.steps,
            memory_bytes=self._settings.worker_memory_bytes,
        )
