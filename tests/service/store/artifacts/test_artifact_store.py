import logging
import os
import time
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from service.store import row_results_reader
from service.store.artifacts.artifact_store import (
    ArtifactDamaged,
    ArtifactMissing,
    ArtifactStore,
    stored_content,
)
from service.store.artifacts.blob_store import BlobStoreUnavailable
from service.store.artifacts.uploads import uploads_of
from service.store.database import Database
from service.store.epochs import epoch_writer
from service.store.tables import Checkpoint, Experiment
from tests.service.store.experiments import QueueHarness
from workers.processes.messages import (
    ArtifactReference,
    CheckpointTaken,
    Content,
    Stopped,
    Succeeded,
    WorkerEvent,
)

SMALL, LARGE = b"small" * 10, b"large" * 100


@pytest.fixture
def artifacts(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(str(tmp_path / "artifacts"), row_bytes=100)


def stored(database: Database) -> list[Any]:
    with database.read() as connection:
        return list(connection.execute(select(Checkpoint).order_by(Checkpoint.run_id)))


def names(artifacts: ArtifactStore) -> set[str]:
    return artifacts.files.names("checkpoints")


def age(artifacts: ArtifactStore, name: str, seconds: float) -> None:
    """Let an artifact have been written that long ago."""
    written = time.time() - seconds
    os.utime(Path(artifacts.files.url) / name, (written, written))


def taken(content: Content, epoch: int = 1) -> CheckpointTaken:
    return CheckpointTaken(epoch, 1, content)


def uploaded(artifacts: ArtifactStore, event: WorkerEvent) -> Any:
    """An event whose large contents the store has."""
    offloaded = artifacts.offload(event)
    wait(uploads_of(offloaded), timeout=10)
    return offloaded


def bytes_of(artifacts: ArtifactStore, content: Content | None) -> bytes:
    """The bytes of a content that was uploaded."""
    assert isinstance(content, Future)
    return artifacts.load(content.result(timeout=10))


def save(
    harness: QueueHarness, artifacts: ArtifactStore, run_id: int, content: Content, epoch: int = 1
) -> None:
    """What the agent does with a checkpoint: an upload, then one transaction."""
    harness.write(epoch_writer.save_checkpoint, artifacts, run_id, uploaded(artifacts, taken(content, epoch)))
    collect_garbage(harness, artifacts)


def collect_garbage(harness: QueueHarness, artifacts: ArtifactStore) -> None:
    artifacts.collect_garbage(harness.database)
    artifacts.wait_for_garbage(timeout=10)


@pytest.fixture
def run_id(harness: QueueHarness) -> int:
    harness.submit()
    return harness.take().run_id


def test_small_checkpoints_are_in_their_rows(
    harness: QueueHarness, artifacts: ArtifactStore, run_id: int
) -> None:
    save(harness, artifacts, run_id, SMALL)
    (row,) = stored(harness.database)
    assert (row.content, row.artifact, names(artifacts)) == (SMALL, None, set())
    assert harness.write(epoch_writer.rewind, run_id) == SMALL


def test_large_ones_are_artifacts_named_by_their_hash(
    harness: QueueHarness, artifacts: ArtifactStore, run_id: int
) -> None:
    save(harness, artifacts, run_id, LARGE)
    (row,) = stored(harness.database)
    assert row.content is None
    assert row.artifact.startswith(f"checkpoints/{row.sha256}-")
    kept = harness.write(epoch_writer.rewind, run_id)
    assert kept == stored_content(row) == ArtifactReference(row.artifact, row.sha256)
    assert artifacts.load(kept) == LARGE


def test_only_content_too_large_for_a_row_is_offloaded(artifacts: ArtifactStore) -> None:
    checkpoint = artifacts.offload(taken(LARGE, 7))
    assert isinstance(checkpoint, CheckpointTaken)
    assert (checkpoint.epoch, bytes_of(artifacts, checkpoint.content)) == (7, LARGE)
    model = artifacts.offload(Succeeded(3, LARGE))
    assert isinstance(model, Succeeded)
    assert (model.best_epoch, bytes_of(artifacts, model.model)) == (3, LARGE)
    results = artifacts.offload(Succeeded(3, SMALL, LARGE))
    assert isinstance(results, Succeeded)
    assert (results.model, bytes_of(artifacts, results.row_results)) == (SMALL, LARGE)
    for message in (taken(SMALL), Succeeded(3, SMALL), Succeeded(3, SMALL, SMALL), Stopped("cancel")):
        assert artifacts.offload(message) == message


def test_offloaded_content_is_not_stored_twice(
    harness: QueueHarness, artifacts: ArtifactStore, run_id: int
) -> None:
    save(harness, artifacts, run_id, uploaded(artifacts, taken(LARGE)).content)
    assert names(artifacts) == {row.artifact for row in stored(harness.database)}
    assert len(names(artifacts)) == 1


def test_an_upload_that_is_not_done_cannot_be_written(artifacts: ArtifactStore) -> None:
    with pytest.raises(TimeoutError):
        artifacts.columns(Future())


def test_a_replaced_artifact_is_removed_after_the_commit(
    harness: QueueHarness, artifacts: ArtifactStore, run_id: int
) -> None:
    save(harness, artifacts, run_id, LARGE, 1)
    before = names(artifacts)
    save(harness, artifacts, run_id, LARGE + b"2", 2)
    after = names(artifacts)
    assert len(after) == 1
    assert not before & after
    save(harness, artifacts, run_id, SMALL, 3)
    assert names(artifacts) == set()


def test_a_rolled_back_transaction_removes_no_artifact(
    harness: QueueHarness, artifacts: ArtifactStore, run_id: int
) -> None:
    save(harness, artifacts, run_id, LARGE)
    before = names(artifacts)
    with pytest.raises(ZeroDivisionError), harness.database.write() as connection:  # noqa: PT012
        epoch_writer.save_checkpoint(connection, artifacts, run_id, taken(SMALL, 2))
        raise ZeroDivisionError
    collect_garbage(harness, artifacts)
    assert names(artifacts) == before
    assert artifacts.load(stored_content(stored(harness.database)[0])) == LARGE


def test_a_checkpoint_that_is_written_twice_stays(
    harness: QueueHarness, artifacts: ArtifactStore, run_id: int
) -> None:
    """As if a commit succeeded and its confirmation was lost: the agent writes the same events again."""
    content = uploaded(artifacts, taken(LARGE)).content
    for _ in range(2):
        save(harness, artifacts, run_id, content)
    assert bytes_of(artifacts, content) == LARGE


def test_two_runs_with_the_same_bytes_do_not_share_them(
    harness: QueueHarness, artifacts: ArtifactStore
) -> None:
    harness.submit([0, 1])
    first, second = harness.take().run_id, harness.take().run_id
    for run_id in (first, second):
        save(harness, artifacts, run_id, LARGE)
    save(harness, artifacts, first, SMALL)
    (_, row) = stored(harness.database)
    assert artifacts.load(stored_content(row)) == LARGE


def test_a_model_takes_the_place_of_the_newest_state(
    harness: QueueHarness, artifacts: ArtifactStore, run_id: int
) -> None:
    save(harness, artifacts, run_id, LARGE)
    model = uploaded(artifacts, Succeeded(2, LARGE + b"model"))
    harness.write(epoch_writer.save_models, artifacts, {run_id: model})
    collect_garbage(harness, artifacts)
    (row,) = stored(harness.database)
    assert (row.kind, names(artifacts)) == ("model", {row.artifact})
    assert artifacts.load(stored_content(row)) == LARGE + b"model"


def test_row_level_results_are_stored_beside_the_model(
    harness: QueueHarness, artifacts: ArtifactStore
) -> None:
    experiment_id, run_id = harness.submit(), harness.take().run_id
    save(harness, artifacts, run_id, LARGE)
    with harness.database.read() as connection:
        (run,) = row_results_reader.runs(connection, experiment_id)
    assert (run.id, run.sha256) == (run_id, None)
    results = uploaded(artifacts, Succeeded(2, SMALL, LARGE + b"rows"))
    harness.write(epoch_writer.save_models, artifacts, {run_id: results})
    collect_garbage(harness, artifacts)
    of_kind = {row.kind: row for row in stored(harness.database)}
    assert set(of_kind) == {"model", "row_results"}
    assert names(artifacts) == {of_kind["row_results"].artifact}
    with harness.database.read() as connection:
        (run,) = row_results_reader.runs(connection, experiment_id)
        content = row_results_reader.contents(connection, [run_id])[run_id]
    assert (run.id, run.sha256) == (run_id, of_kind["row_results"].sha256)
    assert artifacts.load(content) == LARGE + b"rows"


def test_a_lost_artifact_is_missing_and_a_changed_one_damaged(artifacts: ArtifactStore) -> None:
    kept = artifacts.save(LARGE)
    artifacts.files.write(kept.name, LARGE[:-1])
    with pytest.raises(ArtifactDamaged, match=kept.name):
        artifacts.load(kept)
    artifacts.files.remove(kept.name)
    with pytest.raises(ArtifactMissing, match=kept.name):
        artifacts.load(kept)


def test_an_unreadable_checkpoint_is_deleted_with_its_epochs(
    harness: QueueHarness, artifacts: ArtifactStore, run_id: int
) -> None:
    save(harness, artifacts, run_id, LARGE, 5)
    assert harness.write(epoch_writer.rewind, run_id) is not None
    assert harness.run(run_id).epoch == 5
    harness.write(epoch_writer.start_over, run_id)
    assert harness.run(run_id).epoch == 0
    assert harness.write(epoch_writer.rewind, run_id) is None


def test_orphans_are_swept_an_hour_after_they_were_written(
    harness: QueueHarness, artifacts: ArtifactStore, run_id: int
) -> None:
    save(harness, artifacts, run_id, LARGE)
    (named,) = names(artifacts)
    young, old = artifacts.save(b"young").name, artifacts.save(b"old").name
    artifacts.files.write("drafts/old", b"")
    artifacts.files.write("datasets/old", b"")
    for name in (named, old, "drafts/old", "datasets/old"):
        age(artifacts, name, 3700)
    age(artifacts, young, 3500)
    artifacts.sweep(harness.database)
    assert names(artifacts) == {named, young}
    assert artifacts.files.names("drafts") == set()
    assert artifacts.files.read("datasets/old") is not None


def test_an_artifact_is_named_by_its_row_before_it_can_be_swept(
    harness: QueueHarness, artifacts: ArtifactStore, run_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worst that may happen: an old file gets its row between the listing of files and of rows."""
    kept = artifacts.save(LARGE)
    age(artifacts, kept.name, 3700)
    list_names = artifacts.files.names

    def list_then_commit(place: str) -> set[str]:
        listed = list_names(place)
        if place == "checkpoints":
            save(harness, artifacts, run_id, kept)
        return listed

    monkeypatch.setattr(artifacts.files, "names", list_then_commit)
    artifacts.sweep(harness.database)
    assert artifacts.load(kept) == LARGE


def test_artifacts_of_deleted_experiments_are_orphans(
    harness: QueueHarness, artifacts: ArtifactStore, run_id: int
) -> None:
    save(harness, artifacts, run_id, LARGE)
    (name,) = names(artifacts)
    age(artifacts, name, 3700)
    with harness.database.write() as connection:
        connection.execute(delete(Experiment))
    artifacts.sweep(harness.database)
    assert names(artifacts) == set()


def test_garbage_collection_sweeps_after_a_minute_and_then_every_hour(
    harness: QueueHarness, artifacts: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept: list[Database] = []
    monkeypatch.setattr(artifacts, "sweep", swept.append)
    clock = time.monotonic()
    for seconds, times in ((1, 0), (61, 1), (3600, 1), (3662, 2), (7200, 2), (7263, 3)):
        with monkeypatch.context() as patched:
            patched.setattr(time, "monotonic", lambda now=clock + seconds: now)
            artifacts.collect_garbage(harness.database)
        artifacts.wait_for_garbage(timeout=10)
        assert len(swept) == times


def test_an_unavailable_store_only_delays_garbage_collection(
    harness: QueueHarness,
    artifacts: ArtifactStore,
    run_id: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def away(*_: object) -> None:
        raise BlobStoreUnavailable

    save(harness, artifacts, run_id, LARGE)
    (left,) = names(artifacts)
    with monkeypatch.context() as patched, caplog.at_level(logging.WARNING):
        patched.setattr(artifacts.files, "remove", away)
        save(harness, artifacts, run_id, SMALL)
        patched.setattr(artifacts.files, "names", away)
        patched.setattr(artifacts, "_sweep_due", 0.0)
        collect_garbage(harness, artifacts)
    assert caplog.messages == []  # the store has written its line
    age(artifacts, left, 3700)
    with harness.database.write() as connection:
        connection.execute(delete(Experiment))
    artifacts.sweep(harness.database)
    assert names(artifacts) == set()
