"""Files in a folder and in an object store; fsspec's store in memory stands in for the latter."""

import os
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from service.settings import UnusableSetting
from service.store.artifacts import blob_store
from service.store.artifacts.blob_store import BlobStore, BlobStoreUnavailable

BYTES = bytes(range(256)) * 400


@pytest.fixture(params=["folder", "objects"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    return BlobStore(
        str(tmp_path / "there") if request.param == "folder" else f"memory://{tmp_path.name}/there"
    )


def test_what_is_written_is_read_again(files: BlobStore) -> None:
    files.write("a/b/c", BYTES)
    files.write("a/b/c", BYTES + b"more")
    assert files.read("a/b/c") == BYTES + b"more"


def test_a_missing_file_is_none(files: BlobStore) -> None:
    assert files.read("a/b/c") is None
    assert files.names("a") == set()
    files.remove("a/b/c")
    with pytest.raises(FileNotFoundError):
        files.written_at("a/b/c")


def test_local_files_are_copied_to_and_fro(files: BlobStore, tmp_path: Path) -> None:
    (tmp_path / "ours").write_bytes(BYTES)
    files.put(tmp_path / "ours", "theirs/one")
    files.get("theirs/one", tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == files.read("theirs/one") == BYTES
    with pytest.raises(FileNotFoundError):
        files.get("theirs/two", tmp_path / "again")


def test_only_names_below_the_folder_are_listed(files: BlobStore) -> None:
    for name in ("a/1", "a/sub/2", "ab/3"):
        files.write(name, b"")
    assert files.names("a") == {"a/1", "a/sub/2"}
    files.remove("a/1")
    assert files.names("a") == {"a/sub/2"}


def test_the_time_of_writing_is_known(files: BlobStore, tmp_path: Path) -> None:
    files.write("now", b"")
    reference = tmp_path / "reference"
    reference.touch()
    assert abs(files.written_at("now") - reference.stat().st_mtime) < 1


def test_two_stores_on_one_url_see_the_same_files_at_once(files: BlobStore) -> None:
    other = BlobStore(files.url)
    assert other.names("a") == set()
    files.write("a/1", BYTES)
    assert (other.names("a"), other.read("a/1")) == ({"a/1"}, BYTES)


def test_a_reader_never_sees_a_part_of_a_file(tmp_path: Path) -> None:
    files, whole = BlobStore(str(tmp_path)), {bytes([value]) * 2_000_000 for value in range(8)}
    files.write("name", next(iter(whole)))

    def write_all() -> None:
        for content in whole:
            files.write("name", content)

    writers = [Thread(target=write_all) for _ in range(3)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert files.read("name") in whole
    for writer in writers:
        writer.join()
    assert files.names("drafts") == set()


def test_a_full_disk_leaves_the_old_file_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = BlobStore(str(tmp_path))
    files.write("name", b"old")

    def fill_up(_: Any, path: str, content: bytes) -> None:
        Path(path).write_bytes(content[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(files._system), "pipe_file", fill_up)
    with pytest.raises(BlobStoreUnavailable) as full:
        files.write("name", BYTES)
    assert isinstance(full.value.__cause__, OSError)
    assert files.read("name") == b"old"
    assert files.names("drafts") == set()


def test_errors_of_the_store_are_logged_and_no_client_sees_them(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    files = BlobStore("memory://broken")

    class EndpointConnectionError(Exception):
        """As botocore has it: not one of Python's own."""

    def fail(*_: Any) -> None:
        raise EndpointConnectionError("could not connect")

    monkeypatch.setattr(type(files._system), "cat_file", fail)
    with pytest.raises(BlobStoreUnavailable, match="cannot be used at the moment; try again"):
        files.read("a/1")
    assert "a/1 in memory://broken: EndpointConnectionError: could not connect" in caplog.text


def test_an_outage_is_logged_when_it_begins_and_when_it_ends(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    files = BlobStore("memory://outage")
    files.write("name", BYTES)

    def fail(*_: Any) -> None:
        raise ConnectionRefusedError("refused")

    with monkeypatch.context() as away:
        away.setattr(type(files._system), "cat_file", fail)
        for _ in range(5):
            with pytest.raises(BlobStoreUnavailable):
                files.read("name")
    assert files.away_because == "ConnectionRefusedError: refused"
    assert files.read("name") == BYTES
    assert files.read("name") == BYTES
    assert files.away_because is None
    assert caplog.messages == [
        "name in memory://outage: ConnectionRefusedError: refused; trying again",
        "memory://outage is available again",
    ]


def test_an_outage_that_several_parts_of_a_process_notice_is_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    several = [BlobStore("memory://noticed-twice") for _ in range(3)]

    def fail(*_: Any) -> None:
        raise ConnectionRefusedError("refused")

    for _ in range(2):
        caplog.clear()
        with monkeypatch.context() as away:
            away.setattr(type(several[0]._system), "cat_file", fail)
            for files in several[:2] * 2:
                with pytest.raises(BlobStoreUnavailable):
                    files.read("name")
        for files in reversed(several):  # the last of them noticed nothing
            assert files.read("name") is None
        assert caplog.messages == [
            "name in memory://noticed-twice: ConnectionRefusedError: refused; trying again",
            "memory://noticed-twice is available again",
        ]


@pytest.mark.parametrize("method", ["cat_file", "pipe_file", "find", "rm_file", "modified"])
def test_a_store_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    files, end = BlobStore("memory://hanging"), Event()
    files.write("a/1", BYTES)
    monkeypatch.setattr(blob_store, "OPERATION_SECONDS", 0.05)
    monkeypatch.setattr(blob_store, "READ_SECONDS", 0.05)
    monkeypatch.setattr(type(files._system), method, lambda *_, **__: end.wait(10))
    operations: dict[str, Callable[[], object]] = {
        "cat_file": lambda: files.read("a/1"),
        "pipe_file": lambda: files.write("a/1", b"1"),
        "find": lambda: files.names("a"),
        "rm_file": lambda: files.remove("a/1"),
        "modified": lambda: files.written_at("a/1"),
    }
    with pytest.raises(BlobStoreUnavailable):
        operations[method]()
    assert files.away_because == "TimeoutError: no answer within 0 seconds"
    end.set()


def test_after_an_error_the_store_is_opened_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A filesystem that has lost its connection may never open another one by itself."""
    files = BlobStore("memory://lost")
    files.write("name", BYTES)

    def lost(*_: Any) -> None:
        raise OSError("the connection was closed")

    before = files._system
    monkeypatch.setattr(before, "cat_file", lost)
    with pytest.raises(BlobStoreUnavailable):
        files.read("name")
    assert files._system is not before
    assert files.read("name") == BYTES


def test_a_file_is_not_missing_if_its_bucket_is(monkeypatch: pytest.MonkeyPatch) -> None:
    files = BlobStore("memory://bucket/prefix")
    files.write("name", BYTES)
    assert files.read("other") is None
    monkeypatch.setattr(type(files._system), "exists", lambda *_: False)
    with pytest.raises(BlobStoreUnavailable):
        files.read("other")
    assert files.away_because is not None
    assert "there is no bucket or container" in files.away_because


def test_a_check_leaves_nothing_behind(files: BlobStore) -> None:
    files.check()
    assert files.names("drafts") == set()


def test_a_check_finds_a_store_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    files = BlobStore("memory://read-only")

    def denied(*_: Any, **__: Any) -> None:
        raise PermissionError("Access Denied")

    monkeypatch.setattr(type(files._system), "pipe_file", denied)
    with pytest.raises(BlobStoreUnavailable):
        files.check()
    assert files.away_because == "PermissionError: Access Denied"


@pytest.mark.parametrize(
    "url",
    [
        "nonsense://bucket",
        "abfs://container/prefix",
        "sftp://host/folder",
        "ssh://host/folder",
        "webdav://host/folder",
        "filecache::s3://bucket",
        "folder::another",
    ],
)
def test_an_unusable_url_is_named_in_the_error(url: str) -> None:
    with pytest.raises(UnusableSetting, match=f"HOLDOUT_ARTIFACTS cannot be {url}"):
        BlobStore(url)


def test_a_relative_folder_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = BlobStore("there")
    monkeypatch.chdir(os.sep)
    files.write("name", b"")
    assert (tmp_path / "there" / "name").exists()
