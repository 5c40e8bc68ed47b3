"""Files by name in a folder or an object store (fsspec). A file appears when it is complete, never before."""

import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar
from uuid import uuid4

import fsspec

from service.settings import Settings, UnusableSetting

log = logging.getLogger("holdout.files")


class BucketMissing(FileNotFoundError):
    """The bucket or container of an object store does not exist, so no file in it can be called missing."""

    def __init__(self, bucket: str) -> None:
        super().__init__(f"there is no bucket or container {bucket}")


class BlobStoreUnavailable(OSError):
    """The artifact store is unreachable or full."""

    def __init__(self) -> None:
        super().__init__("The artifact store cannot be used at the moment; try again.")


OPERATION_SECONDS = 60.0
"""How long one operation on an object store may take, apart from the transfer of what is written."""
READ_SECONDS = 300.0
WRITTEN_BYTES_PER_SECOND = 1_000_000
"""A slower store counts as unavailable."""
PROTOCOLS = ("file", "local", "memory", "s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl")
"""Folders, and object stores in which an object appears when it is complete."""

_LOGGED_AS_AWAY: set[str] = set()
"""The stores that this process has called unavailable in its log, and not yet available again."""

T = TypeVar("T")


class BlobStore:
    """The files at `url`, for any number of processes on any number of machines. Raises UnusableSetting.

    Names may have slashes. If the store is unreachable, or does not answer in time, every method raises
    BlobStoreUnavailable. The log has one line when that begins, and one when it is over, however many objects of this
    class a process has for the store.

    away_because: what the last operation failed with, None if it succeeded.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.away_because: str | None = None
        self._system, self._root = self._connect()
        self.is_folder = "file" in self._system.protocol

    def check(self) -> None:
        """Write a small file, read it, and remove it. Raises BlobStoreUnavailable with what went wrong."""
        name, content = f"drafts/check-{uuid4().hex}", b"Holdout can write here."
        self.write(name, content)
        if self.read(name) != content:
            raise BlobStoreUnavailable
        self.remove(name)

    def read(self, name: str) -> bytes | None:
        """The content of a file; None if it does not exist."""
        with self._translating(name):
            try:
                return self._within(READ_SECONDS, lambda: bytes(self._system.cat_file(self._path(name))))
            except FileNotFoundError:
                self._require_root()
                return None

    def write(self, name: str, content: bytes) -> None:
        """Store a file. It replaces an existing one of that name."""
        self._put(name, lambda path: self._system.pipe_file(path, content), len(content))

    def get(self, name: str, file: Path) -> None:
        """Copy a stored file to a local one. Raises FileNotFoundError."""
        with self._translating(name, FileNotFoundError):
            self._within(READ_SECONDS, lambda: self._system.get_file(self._path(name), str(file)))

    def put(self, file: Path, name: str) -> None:
        """Store a copy of a local file."""
        self._put(name, lambda path: self._system.put_file(str(file), path), file.stat().st_size)

    def remove(self, name: str) -> None:
        """Remove a file, if it exists."""
        with self._translating(name):
            try:
                self._within(OPERATION_SECONDS, lambda: self._system.rm_file(self._path(name)))
            except FileNotFoundError:
                return

    def names(self, folder: str) -> set[str]:
        """Every name that begins with `folder/`."""
        with self._translating(folder):
            paths = self._within(OPERATION_SECONDS, lambda: self._system.find(self._path(folder)))
            return {path.removeprefix(f"{self._root}/") for path in paths}

    def written_at(self, name: str) -> float:
        """When a file was written, in seconds since 1970 by the clock of the store. Raises FileNotFoundError."""
        with self._translating(name, FileNotFoundError):
            modified = self._within(OPERATION_SECONDS, lambda: self._system.modified(self._path(name)))
            return float(modified.timestamp())

    def _put(self, name: str, upload: Callable[[str], Any], size: int) -> None:
        path = self._path(name)
        with self._translating(name):
            if not self.is_folder:  # an object appears when it is complete
                self._within(OPERATION_SECONDS + size / WRITTEN_BYTES_PER_SECOND, lambda: upload(path))
                return
            draft = Path(self._path(f"drafts/{uuid4().hex}"))
            for each in (Path(path), draft):
                each.parent.mkdir(parents=True, exist_ok=True)
            try:
                upload(str(draft))
                _sync(draft)
                draft.replace(path)
            finally:
                draft.unlink(missing_ok=True)
            _sync(Path(path).parent)

    def _connect(self) -> tuple[Any, str]:
        """The filesystem behind the URL, with connections of its own, and the path of the root in it."""
        protocol = self.url.partition("://")[0] if "://" in self.url else "file"
        if "::" in self.url or protocol not in PROTOCOLS:
            right = f"a folder, or one of {', '.join(f'{each}://' for each in PROTOCOLS[3:])}"
            raise UnusableSetting(f"HOLDOUT_ARTIFACTS cannot be {self.url}: it should be {right}")
        try:
            # Listings are never cached: other machines write here too.
            system, root = fsspec.url_to_fs(self.url, use_listings_cache=False, skip_instance_cache=True)
        except (ImportError, TypeError, ValueError) as error:
            raise UnusableSetting(f"HOLDOUT_ARTIFACTS cannot be {self.url}: {error}") from None
        return system, root

    def _within(self, seconds: float, operation: Callable[[], T]) -> T:
        """The result of an operation, or TimeoutError. It then goes on in a thread that nobody waits for."""
        if self.is_folder:
            return operation()
        result: Future[T] = Future()

        def run() -> None:
            try:
                result.set_result(operation())
            except BaseException as error:
                result.set_exception(error)

        Thread(target=run, name="artifact store", daemon=True).start()
        try:
            return result.result(seconds)
        except TimeoutError:
            raise TimeoutError(f"no answer within {seconds:.0f} seconds") from None

    def _require_root(self) -> None:
        """A file that is missing because all of them are is no missing file. Raises FileNotFoundError."""
        bucket = self._root.partition("/")[0]
        if not self.is_folder and not self._within(OPERATION_SECONDS, lambda: self._system.exists(bucket)):
            raise BucketMissing(bucket)

    @contextmanager
    def _translating(self, name: str, *expected: type[OSError]) -> Iterator[None]:
        """Raise BlobStoreUnavailable for any error but `expected`: each kind of store has exceptions of its own."""
        try:
            yield
        except expected:
            self._note(name, None)
            raise
        except Exception as error:
            self._note(name, error)
            raise BlobStoreUnavailable from error
        self._note(name, None)

    def _note(self, name: str, error: Exception | None) -> None:
        """Remember whether the store is available, and log it where that changes."""
        before = self.away_because
        self.away_because = None if error is None else f"{type(error).__name__}: {error}"
        if error is not None:
            if before is None and self.url not in _LOGGED_AS_AWAY:
                _LOGGED_AS_AWAY.add(self.url)
                log.warning("%s in %s: %s; trying again", name, self.url, self.away_because)
            with suppress(Exception):  # a connection that was lost may never come back by itself
                self._system, _ = self._connect()
        elif before is not None and self.url in _LOGGED_AS_AWAY:
            _LOGGED_AS_AWAY.discard(self.url)
            log.warning("%s is available again", self.url)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"


def shared_blob_store(settings: Settings) -> BlobStore | None:
    """The store that every machine reaches; None if the settings name none."""
    return BlobStore(settings.artifacts) if settings.artifacts else None


def _sync(path: Path) -> None:
    """Make sure that a file, or the list of files in a folder, survives a loss of power."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
