"""A cache of row digests: in memory, and beside the files of a data set that has a folder."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np

from workers.data.dataset import Dataset
from workers.data.row_digests import VERSION, Digests, row_digests
from workers.lru_cache import LruCache

MAX_BYTES = 64_000_000


class DigestCache:
    """Computes the digests of each data set once. Threads and processes may share its files."""

    def __init__(self) -> None:
        self._cached: LruCache[str, Digests] = LruCache(MAX_BYTES, lambda digests: digests.nbytes)

    def digests(self, dataset: Dataset, folder: Path | None) -> Digests:
        """The digests (n,) of the rows. folder: that of the content's files, None if it has none."""
        digests = self._cached.get(dataset.sha256)
        if digests is None:
            digests = _stored(dataset, folder) if folder is not None else row_digests(dataset)
            self._cached.put(dataset.sha256, digests)
        return digests


def _stored(dataset: Dataset, folder: Path) -> Digests:
    """The digests in the file, which is written if it is missing or damaged."""
    file = folder / f"digests-{VERSION}.npy"
    with suppress(OSError, EOFError, ValueError):
        found: Digests = np.load(file, allow_pickle=False)
        if found.dtype == np.uint64 and found.shape == (len(dataset),):
            return found
    digests = row_digests(dataset)
    if folder.is_dir():
        with suppress(OSError):  # a full disk: without the file they are computed again
            _write(digests, file)
    return digests


def _write(digests: Digests, file: Path) -> None:
    handle, draft = tempfile.mkstemp(prefix=".draft-", dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as output:
            np.lib.format.write_array(output, digests)
        Path(draft).replace(file)
    finally:
        Path(draft).unlink(missing_ok=True)
