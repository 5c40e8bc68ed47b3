"""Uploads that the store takes late, never, or after they were cancelled."""

import threading
from collections.abc import Callable

import pytest

from service import pauses
from service.store.artifacts.blob_store import BlobStoreUnavailable
from service.store.artifacts.uploads import Upload, discard_contents, is_uploaded, start_upload, uploads_of
from workers.processes.messages import ArtifactReference, CheckpointTaken, Stopped, Succeeded


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pauses, "FIRST_SECONDS", 0.001)
    monkeypatch.setattr(pauses, "LONGEST_SECONDS", 0.01)


class Store:
    """A store that is away until `returns` is set, and holds each call until `lets_go` is."""

    def __init__(self) -> None:
        self.returns, self.lets_go, self.called = threading.Event(), threading.Event(), threading.Event()
        self.lets_go.set()
        self.attempts = 0
        self.removed: list[str] = []

    def save(self, content: bytes) -> ArtifactReference:
        self.attempts += 1
        if self.attempts >= 3:
            self.called.set()
        if not self.returns.is_set():
            raise BlobStoreUnavailable
        self.called.set()
        assert self.lets_go.wait(10)
        return ArtifactReference(content.decode(), "its hash")

    def start(self, content: bytes = b"name") -> Upload:
        return start_upload(self.save, self.removed.append, content)


def eventually(condition: Callable[[], object]) -> None:
    pause = threading.Event()
    for _ in range(1000):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("it never came true")


def test_an_upload_is_tried_again_until_the_store_is_back() -> None:
    store = Store()
    upload = store.start()
    assert store.called.wait(10)
    assert not upload.done()
    store.returns.set()
    assert upload.result(10) == ArtifactReference("name", "its hash")
    assert store.attempts >= 4


def test_a_cancelled_upload_is_not_tried_again() -> None:
    store = Store()
    upload = store.start()
    assert store.called.wait(10)
    assert upload.cancel()
    eventually(lambda: not any(each.name == "upload" for each in threading.enumerate()))
    attempts = store.attempts
    store.returns.set()
    assert (store.attempts, store.removed) == (attempts, [])


def test_what_was_stored_although_its_upload_had_been_cancelled_is_removed() -> None:
    store = Store()
    store.returns.set()
    store.lets_go.clear()
    upload = store.start()
    assert store.called.wait(10)
    assert upload.cancel()
    store.lets_go.set()
    eventually(lambda: store.removed)
    assert store.removed == ["name"]


def test_an_error_that_is_no_fault_of_the_store_ends_the_upload() -> None:
    def broken(_: bytes) -> ArtifactReference:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        start_upload(broken, list[str]().append, b"").result(10)


def test_without_another_thread_the_caller_uploads(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(_: object) -> None:
        raise RuntimeError("can't start new thread")

    store = Store()
    store.returns.set()
    monkeypatch.setattr(threading.Thread, "start", no_thread)
    assert store.start().done()


def test_pauses_grow_up_to_a_limit() -> None:
    seconds = pauses.growing_pauses()
    assert [next(seconds) for _ in range(6)] == [0.001, 0.002, 0.004, 0.008, 0.01, 0.01]


def test_an_event_is_uploaded_when_all_its_contents_are() -> None:
    model, rows = Upload(), Upload()
    event = Succeeded(1, model, rows)
    assert uploads_of(event) == [model, rows]
    assert not is_uploaded(event)
    model.set_result(ArtifactReference("model", ""))
    assert not is_uploaded(event)
    assert discard_contents(event) == ["model"]
    assert rows.cancelled()
    for other in (Succeeded(1, b""), CheckpointTaken(1, 1, b""), Stopped("cancel")):
        assert (uploads_of(other), is_uploaded(other), discard_contents(other)) == ([], True, [])
