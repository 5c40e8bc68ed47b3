"""Runs that are trained in the process of the test, and stored as an agent stores them."""

from fastapi import FastAPI

from service.store.artifacts.artifact_store import ArtifactStore
from tests.service.fake_worker import FakeWorker
from tests.service.stored_runs import record_epochs, save_model
from workers.processes.messages import Succeeded
from workers.spec import ExperimentSpec
from workers.training import Epoch, Trainer


def train_seed(
    app: FastAPI, fake_worker: FakeWorker, experiment_id: int, seed: int
) -> tuple[Trainer, list[Epoch]]:
    """Train one seed of an experiment and let it succeed; its run was claimed before."""
    spec = ExperimentSpec.model_validate(fake_worker.read(experiment_id)["spec"])
    parts = app.state.registry.prepare_split(spec.dataset, spec.split)
    trainer = Trainer(spec, parts.read("train"), parts.read("validation"), seed=seed)
    epochs = list(trainer.epochs())
    run_id = fake_worker.leases[experiment_id, seed].run_id
    rows = trainer.row_results(parts.rows("validation"))
    assert rows is not None
    model = Succeeded(trainer.best.epoch or 0, trainer.model().to_bytes(), rows.to_bytes())
    with fake_worker.database.write() as connection:
        record_epochs(connection, run_id, epochs)
        save_model(connection, ArtifactStore(app.state.settings.artifacts_url), run_id, model)
    fake_worker.finish(experiment_id, "succeeded", seed=seed)
    return trainer, epochs
