"""Load the row-level results of runs, and read them row by row, one run at a time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row

from service.store import row_results_reader
from service.store.artifacts.artifact_store import ArtifactError, ArtifactStore
from service.store.database import Database
from service.store.epochs.epoch_export import ExportCutShort
from service.store.errors import NoRowResults, UnknownRun, UnusableRowResults
from service.store.row_results_reader import Content, ResultPosition
from service.store.run_keys import RunFilter, RunKey, are_of_folds, name_of_run
from workers.evaluation.row_results import CorruptRowResults, RowResults
from workers.lru_cache import LruCache
from workers.nn.arrays import Integers

CACHED_BYTES = 32_000_000
IDLE_SECONDS = 120.0
"""To read them again takes milliseconds."""


class RowResultsLoader:
    """The row-level results of one database. They never change, so run and hash are the key of the cache."""

    def __init__(self, database: Database, artifacts: ArtifactStore) -> None:
        self._database, self._artifacts = database, artifacts
        self._loaded: LruCache[tuple[int, str], RowResults] = LruCache(
            CACHED_BYTES, lambda results: results.nbytes, IDLE_SECONDS
        )

    def drop_idle(self) -> bool:
        """Drop results that were not used for long. Returns whether there were any."""
        return self._loaded.drop_idle()

    def load(self, run: Row[Any]) -> RowResults:
        """The results of one of `row_results_reader.runs` that has some. No transaction may be open.

        Raises UnusableRowResults, BlobStoreUnavailable, or ExportCutShort if the run was deleted meanwhile.
        """
        return self.load_all([run])[0]

    def load_all(self, runs: Sequence[Row[Any]]) -> list[RowResults]:
        """The results of several runs, which one transaction reads. Raises what `load` does."""
        known = {run.id: self._loaded.get((run.id, run.sha256)) for run in runs}
        missing = [id_ for id_, results in known.items() if results is None]
        contents: Mapping[int, Content] = {}
        if missing:
            with self._database.read() as connection:
                contents = row_results_reader.contents(connection, missing)
        return [known[run.id] or self._read(run, contents.get(run.id)) for run in runs]

    def _read(self, run: Row[Any], content: Content | None) -> RowResults:
        if content is None:
            raise ExportCutShort("Row-level results were deleted while they were read")
        try:
            results = RowResults.from_bytes(self._artifacts.load(content))
        except ArtifactError as error:
            raise _unusable(run, error.why) from error
        except CorruptRowResults as error:
            raise _unusable(run, f"its bytes are {error}") from error
        self._loaded.put((run.id, run.sha256), results)
        return results


def _unusable(run: Row[Any], why: str) -> UnusableRowResults:
    key = RunKey.of(run)
    return UnusableRowResults(run.experiment_id, name_of_run(key, of_folds=are_of_folds([key])), why)


def runs_with_results(connection: Connection, experiment_id: int, wanted: RunFilter) -> list[Row[Any]]:
    """The wanted runs that have row-level results, by their keys. Raises UnknownRun or NoRowResults."""
    runs = row_results_reader.runs(connection, experiment_id)
    matching = [run for run in runs if wanted.matches(RunKey.of(run))]
    if not matching:
        raise UnknownRun(experiment_id, [RunKey.of(run) for run in runs])
    if with_results := [run for run in matching if run.sha256 is not None]:
        return with_results
    raise NoRowResults(experiment_id, sorted({run.status for run in matching}))


@dataclass(frozen=True, eq=False)
class Stretch:
    """Some rows of one run. indices: (n,), into the arrays of its results."""

    run: Row[Any]
    results: RowResults
    indices: Integers


@dataclass(frozen=True, eq=False)
class ResultsPage:
    """A page of rows, and the position of the first row after it; None if it is the last page."""

    stretches: list[Stretch]
    following: ResultPosition | None


@dataclass(frozen=True)
class RowReader:
    """Reads rows in the order of runs, then of the data set. wrong: misclassified rows only."""

    loader: RowResultsLoader
    runs: Sequence[Row[Any]]
    wrong: bool = False

    def page(self, start: ResultPosition, limit: int) -> ResultsPage:
        """At most `limit` rows from a position on."""
        stretches, left = [], limit
        for run in self.runs:
            key = RunKey.of(run)
            if key < start[:3]:
                continue
            results = self.loader.load(run)
            indices = self._indices(results, start.place if key == start[:3] else 0)
            if len(indices):
                stretches.append(Stretch(run, results, indices[:left]))
            if len(indices) > left:
                return ResultsPage(stretches, ResultPosition(*key, int(indices[left])))
            left -= len(indices)
        return ResultsPage(stretches, None)

    def pages(self, start: ResultPosition, limit: int) -> Iterator[ResultsPage]:
        """All pages from a position on, each read when it is asked for."""
        following: ResultPosition | None = start
        while following is not None:
            page = self.page(following, limit)
            following = page.following
            yield page

    def _indices(self, results: RowResults, first: int) -> Integers:
        if not self.wrong:
            return np.arange(first, len(results.rows))
        indices = np.flatnonzero(results.predicted != results.labels)
        return indices[indices >= first]
