"""An S3 server (moto) on loopback as the artifact store, and what an outage of it looks like."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from socket import create_server

import pytest

pytest.importorskip("s3fs", reason="needs the extra objectstore")
moto_server = pytest.importorskip("moto.server", reason="needs moto, of the extra servers")

from service import pauses  # noqa: E402
from service.store.artifacts import blob_store  # noqa: E402
from service.store.artifacts.artifact_store import ArtifactStore  # noqa: E402
from service.store.artifacts.blob_store import BlobStore, BlobStoreUnavailable  # noqa: E402
from service.store.artifacts.uploads import uploads_of  # noqa: E402
from workers.processes.messages import CheckpointTaken  # noqa: E402

BYTES = bytes(range(256)) * 400


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a server."""
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Lets clients find the server at an address."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    return lambda address: monkeypatch.setenv("AWS_ENDPOINT_URL", address)


@pytest.fixture
def files(server: str, at: Callable[[str], None]) -> BlobStore:
    at(server)
    files = BlobStore("s3://bucket/prefix")
    if not files._system.exists("bucket"):
        files._system.mkdir("bucket")
    return files


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


def test_a_missing_bucket_is_an_outage_and_no_missing_file(files: BlobStore) -> None:
    other = BlobStore("s3://no-such-bucket/prefix")
    with pytest.raises(BlobStoreUnavailable):
        other.read("name")
    with pytest.raises(BlobStoreUnavailable):
        other.check()
    assert files.read("name") is None


@pytest.mark.parametrize("fault", ["refused", "hanging"])
def test_an_upload_waits_for_a_server_that_is_away(
    server: str,
    at: Callable[[str], None],
    files: BlobStore,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fault: str,
) -> None:
    monkeypatch.setattr(pauses, "FIRST_SECONDS", 0.05)
    monkeypatch.setattr(blob_store, "OPERATION_SECONDS", 5.0)
    with create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        if fault == "refused":
            silent.close()
        at(f"http://127.0.0.1:{port}")
        artifacts = ArtifactStore("s3://bucket/prefix", row_bytes=100)
        (upload,) = uploads_of(artifacts.offload(CheckpointTaken(1, 1, BYTES)))
        for _ in range(600):
            if artifacts.files.away_because is not None:
                break
            time.sleep(0.05)
        assert not upload.done()
        at(server)
        reference = upload.result(timeout=60)
    assert artifacts.load(reference) == BYTES
    assert files.names("checkpoints") >= {reference.name}
    ours = [record.message for record in caplog.records if record.name == "holdout.files"]
    assert len(ours) == 2
    assert "trying again" in ours[0]
    assert ours[1] == "s3://bucket/prefix is available again"
