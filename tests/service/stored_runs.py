"""What an agent stores of its runs, for tests that store it of one run."""

from collections.abc import Sequence

from sqlalchemy import Connection

from service.store.artifacts.artifact_store import ArtifactStore
from service.store.epochs import epoch_writer
from service.store.epochs.epoch_writer import NewEpochs
from workers.epoch_columns import EpochColumns
from workers.processes.messages import Succeeded
from workers.training import Epoch


def record_epochs(connection: Connection, run_id: int, epochs: Sequence[Epoch], *, stored: int = 0) -> None:
    """Store epochs; those up to `stored` are stored already."""
    if epochs:
        epoch_writer.record_epochs(connection, [NewEpochs(run_id, EpochColumns.of(epochs), stored)])


def save_model(connection: Connection, artifacts: ArtifactStore, run_id: int, ended: Succeeded) -> None:
    epoch_writer.save_models(connection, artifacts, {run_id: ended})
