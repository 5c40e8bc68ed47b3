"""Files by name in a folder or an object store (fsspec). A file appears when it is complete, never before."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import fsspec

from service.settings import Settings, UnusableSetting

log = logging.getLogger("holdout.files")


class BlobStoreUnavailable(OSError):
    """The artifact store is unreachable or full."""

    def __init__(self) -> None:
        super().__init__("The artifact store cannot be used at the moment; try again.")


class BlobStore:
    """The files at `url`, for any number of processes on any number of machines. Raises UnusableSetting.

    Names may have slashes. If the store is unreachable, every method raises BlobStoreUnavailable.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        try:
            # Listings are never cached: other machines write here too.
            self._system, self._root = fsspec.url_to_fs(url, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise UnusableSetting(f"HOLDOUT_ARTIFACTS cannot be {url}: {error}") from None
        self._is_folder = "file" in self._system.protocol

    def read(self, name: str) -> bytes | None:
        """The content of a file; None if it does not exist."""
        with self._translating(name):
            try:
                content: bytes = self._system.cat_file(self._path(name))
            except FileNotFoundError:
                return None
            return content

    def write(self, name: str, content: bytes) -> None:
        """Store a file. It replaces an existing one of that name."""
        self._put(name, lambda path: self._system.pipe_file(path, content))

    def get(self, name: str, file: Path) -> None:
        """Copy a stored file to a local one. Raises FileNotFoundError."""
        with self._translating(name, FileNotFoundError):
            self._system.get_file(self._path(name), str(file))

    def put(self, file: Path, name: str) -> None:
        """Store a copy of a local file."""
        self._put(name, lambda path: self._system.put_file(str(file), path))

    def remove(self, name: str) -> None:
        """Remove a file, if it exists."""
        with self._translating(name):
            try:
                self._system.rm_file(self._path(name))
            except FileNotFoundError:
                return

    def names(self, folder: str) -> set[str]:
        """Every name that begins with `folder/`."""
        with self._translating(folder):
            paths = self._system.find(self._path(folder))
            return {path.removeprefix(f"{self._root}/") for path in paths}

    def written_at(self, name: str) -> float:
        """When a file was written, in seconds since 1970 by the clock of the store. Raises FileNotFoundError."""
        with self._translating(name, FileNotFoundError):
            return float(self._system.modified(self._path(name)).timestamp())

    def _put(self, name: str, upload: Callable[[str], Any]) -> None:
        path = self._path(name)
        with self._translating(name):
            if not self._is_folder:
                upload(path)  # an object appears when it is complete
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

    @contextmanager
    def _translating(self, name: str, *expected: type[OSError]) -> Iterator[None]:
        """Raise BlobStoreUnavailable for any error but `expected`: each kind of store has exceptions of its own."""
        try:
            yield
        except expected:
            raise
        except Exception as error:
            log.warning("%s in %s: %s: %s", name, self.url, type(error).__name__, error)
            raise BlobStoreUnavailable from error

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
