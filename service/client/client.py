"""The client: submit experiments and sweeps, read and compare them, upload data."""

import json
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, overload

from service.client.api import Api
from service.client.comparison import Comparison
from service.client.dataset import Dataset, Inspection
from service.client.experiment import Experiment
from service.client.files import content_of
from service.client.monitor import Monitor
from service.client.pages import pages
from service.client.sweep import Sweep
from service.client.tables import Table

LOCAL = "http://127.0.0.1:8000"
Source = str | Path | BinaryIO | Any
"""A file by its path, an open file, or a DataFrame."""


class Client:
    """A connection to a service.

    Raises RequestRefused if the service refuses a request, and httpx2.HTTPError if it does not respond.
    """

    def __init__(self, url: str | None = None, token: str | None = None) -> None:
        """url, token: by default the variables HOLDOUT_URL and HOLDOUT_TOKEN, or a service on this machine."""
        self.api = Api(url or os.environ.get("HOLDOUT_URL") or LOCAL, token)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self.api.close()

    def submit(
        self, spec: dict[str, Any] | None = None, *, key: str | None = None, **fields: Any
    ) -> Experiment:
        """Queue an experiment: `submit(dataset="digits", loss="focal", replicates=3)`. Without fields, all defaults.

        key: an idempotency key; a repeated request with it returns the same experiment.
        """
        given = {**(spec or {}), **fields}
        return Experiment(self.api, self.api.submit(json.dumps(given), key)["id"])

    def validate(self, spec: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
        """What a spec resolves to, with its plan and warnings, without running it."""
        return self.api.validate(json.dumps({**(spec or {}), **fields}))

    def experiment(self, experiment_id: int) -> Experiment:
        """An experiment that was submitted before."""
        return Experiment(self.api, experiment_id)

    def experiments(
        self, *, metrics: Sequence[str] = (), sort: str | None = None, limit: int = 100, **query: Any
    ) -> Table:
        """Experiments as rows, at most `limit`: the newest first, or ranked by `sort="-balanced_accuracy"`.

        metrics: those that are columns. query: filters of `GET /experiments`, such as `where="accuracy>0.9"`.
        """
        fields = ",".join(metrics) or None
        return Table(pages(partial(self.api.experiments, fields=fields, sort=sort, **query), limit))

    def compare(
        self,
        experiments: Sequence[Experiment | int],
        *,
        metric: str | None = None,
        reference: Experiment | int | None = None,
    ) -> Comparison:
        """The differences of each pair, or of each experiment from the reference, with intervals."""
        ids = [_number(each) for each in experiments]
        return Comparison(self.api, ids, metric, None if reference is None else _number(reference))

    def submit_sweep(
        self, request: dict[str, Any] | None = None, *, key: str | None = None, **fields: Any
    ) -> Sweep:
        """Queue a sweep: `submit_sweep(spec={...}, space={...}, strategy="random", candidates=12)`."""
        given = {**(request or {}), **fields}
        return Sweep(self.api, self.api.submit_sweep(json.dumps(given), key)["id"])

    @overload
    def sweep(self, sweep: int, /) -> Sweep: ...
    @overload
    def sweep(
        self, sweep: dict[str, Any] | None = None, /, *, key: str | None = None, **fields: Any
    ) -> Sweep: ...
    def sweep(
        self, sweep: int | dict[str, Any] | None = None, /, *, key: str | None = None, **fields: Any
    ) -> Sweep:
        """Queue a sweep, as `submit_sweep` does; or, given a number, the sweep that was submitted before."""
        if isinstance(sweep, int):
            if key is not None or fields:
                raise TypeError("sweep() takes the number of a sweep, or the fields of a new one, not both")
            return Sweep(self.api, sweep)
        return self.submit_sweep(sweep, key=key, **fields)

    def sweeps(self, *, limit: int = 100) -> Table:
        """Sweeps as rows, at most `limit`, the newest first."""
        return Table(pages(self.api.sweeps, limit))

    def create_monitor(self, experiment: Experiment | int, name: str, **settings: Any) -> Monitor:
        """Watch the rows that a model is sent; the same request again returns the monitor that is there.

        settings: `alpha`, `detectors`, and the run by `seed`, `repeat` and `fold`.
        """
        return Monitor(self.api, self.api.create_monitor(_number(experiment), name, **settings))

    def monitor(self, monitor_id: int) -> Monitor:
        """A monitor that was created before."""
        return Monitor(self.api, self.api.monitor(monitor_id))

    def monitors(self, *, experiment_id: int | None = None, limit: int = 100) -> Table:
        """Monitors as rows, at most `limit`, the newest first."""
        return Table(pages(partial(self.api.monitors, experiment_id=experiment_id), limit))

    def datasets(self) -> Table:
        """The data sets that a spec can name."""
        return Table(self.api.datasets())

    def dataset(self, name: str) -> Dataset:
        """A data set."""
        return Dataset(self.api, self.api.dataset(name))

    def upload(self, source: Source, name: str, **fields: str) -> Dataset:
        """Upload a file or a DataFrame as a data set.

        fields: further fields of the form, such as `label="species"`, or `format` if the file does not show it.
        """
        form = {"name": name, **fields}
        with content_of(source) as file:
            return Dataset(self.api, self.api.upload(file, form))

    def inspect(self, source: Source, **fields: str) -> Inspection:
        """How a file would be taken as a data set; nothing is stored."""
        form = {"name": "inspected", **fields}
        with content_of(source) as file:
            return Inspection(self.api.inspect(file, form))

    def catalog(self) -> dict[str, Any]:
        """Every loss, optimizer, balancing and so on that a spec can name, with its fields."""
        return self.api.catalog()


def _number(experiment: Experiment | int) -> int:
    return experiment.id if isinstance(experiment, Experiment) else experiment
