"""Servers of S3 (moto, s3rver) and of Azure (azurite) as the artifact store, and what an outage looks like."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from service import pauses
from service.store.artifacts import blob_store
from service.store.artifacts.artifact_store import ArtifactStore
from service.store.artifacts.blob_store import BlobStore, BlobStoreUnavailable
from service.store.artifacts.uploads import uploads_of
from tests.object_stores import ObjectStore, running
from workers.processes.messages import CheckpointTaken

BYTES = bytes(range(256)) * 400


@pytest.fixture(scope="module", params=["s3", "s3rver", "azure"])
def server(request: pytest.FixtureRequest) -> Iterator[ObjectStore]:
    with running(request.param) as store:
        yield store


@pytest.fixture
def store(server: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    monkeypatch.setattr(blob_store, "_LOGGED_AS_AWAY", set())  # by the test before
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return server


@pytest.fixture
def files(store: ObjectStore) -> BlobStore:
    return BlobStore(store.url)


def test_files_are_written_read_listed_and_removed(files: BlobStore, tmp_path: Path) -> None:
    files.check()
    files.write("a/b", BYTES)
    assert (files.read("a/b"), files.read("a/c"), files.names("a")) == (BYTES, None, {"a/b"})
    assert abs(files.written_at("a/b") - time.time()) < 60
    (tmp_path / "ours").write_bytes(BYTES)
    files.put(tmp_path / "ours", "a/c")
    files.get("a/c", tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == BYTES
    for name in files.names("a"):
        files.remove(name)
    assert files.names("a") == set()


def test_a_missing_bucket_is_an_outage_and_no_missing_file(store: ObjectStore, files: BlobStore) -> None:
    other = BlobStore(store.url.replace("bucket", "no-such-bucket"))
    with pytest.raises(BlobStoreUnavailable):
        other.read("name")
    with pytest.raises(BlobStoreUnavailable):
        other.check()
    assert files.read("name") is None


def test_a_wrong_key_is_an_outage_that_the_log_names_once(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if store.key is None:
        pytest.skip("moto accepts every key")
    for name, value in store.with_wrong_key().items():
        monkeypatch.setenv(name, value)
    files = BlobStore(store.url)
    for _ in range(3):
        with pytest.raises(BlobStoreUnavailable):
            files.check()
        with pytest.raises(BlobStoreUnavailable):
            files.read("name")
    assert len([record for record in caplog.records if record.name == "holdout.files"]) == 1


@pytest.mark.sampled(2)
@pytest.mark.parametrize("fault", ["refused", "hanging"])
def test_an_upload_waits_for_a_server_that_is_away(
    store: ObjectStore,
    files: BlobStore,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fault: str,
) -> None:
    monkeypatch.setattr(pauses, "FIRST_SECONDS", 0.05)
    monkeypatch.setattr(blob_store, "OPERATION_SECONDS", 5.0)
    (store.gate.refuse if fault == "refused" else store.gate.hang)()
    try:
        artifacts = ArtifactStore(store.url, row_bytes=100)
        (upload,) = uploads_of(artifacts.offload(CheckpointTaken(1, 1, BYTES)))
        for _ in range(600):
            if artifacts.files.away_because is not None:
                break
            time.sleep(0.05)
        assert not upload.done()
    finally:
        store.gate.open()
    reference = upload.result(timeout=60)
    assert artifacts.load(reference) == BYTES
    assert files.names("checkpoints") >= {reference.name}
    ours = [record.message for record in caplog.records if record.name == "holdout.files"]
    assert len(ours) == 2
    assert "trying again" in ours[0]
    assert ours[1] == f"{store.url} is available again"
