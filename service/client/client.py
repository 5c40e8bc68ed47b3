"""The client: submit experiments and sweeps, read and compare them, upload data."""

import json
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from service.client.api import Api
from service.client.experiment import Experiment
from service.client.tables import Table

LOCAL = "http://127.0.0.1:8000"


class Client:
    """A connection to a service. Raises RequestRefused if it refuses, httpx2.HTTPError if it does not respond."""

    def __init__(self, url: str = LOCAL, token: str | None = None) -> None:
        """`token` defaults to the environment variable HOLDOUT_TOKEN."""
        self.api = Api(url, token)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self.api.__exit__(None, None, None)

    def submit(self, spec: dict[str, Any]) -> Experiment:
        """Queue an experiment. `{}` uses all defaults."""
        return Experiment(self.api, self.api.submit(json.dumps(spec))["id"])

    def experiment(self, experiment_id: int) -> Experiment:
        """An experiment that was submitted before."""
        return Experiment(self.api, experiment_id)

    def list(self, *, metrics: Sequence[str] = (), **query: Any) -> Table:
        """A page of experiments with the parameters of `GET /experiments`, such as `sort="-balanced_accuracy"`."""
        page = self.api.experiments(fields=",".join(metrics) or None, **query)
        return Table([{**row, **row.pop("metrics")} if metrics else row for row in page["items"]])

    def compare(
        self,
        experiments: Sequence[Experiment | int],
        *,
        metric: str | None = None,
        reference: int | None = None,
    ) -> Table:
        """The differences of each pair, with intervals and corrected p-values."""
        ids = [each.id if isinstance(each, Experiment) else each for each in experiments]
        return Table(self.api.compare(ids, metric, reference)["items"])

    def sweep(self, request: dict[str, Any]) -> dict[str, Any]:
        """Queue a sweep. Returns its `id`, status and links."""
        return self.api.submit_sweep(json.dumps(request))

    def leaderboard(self, sweep_id: int, *, metric: str | None = None) -> Table:
        """The candidates of a sweep that have succeeded, ranked; `top` marks those as good as the best."""
        return Table(self.api.leaderboard(sweep_id, metric)["items"])

    def datasets(self) -> Table:
        """The data sets that a spec can name."""
        return Table(self.api.datasets())

    def upload(self, file: str | Path, name: str, format: str, **fields: str) -> dict[str, Any]:  # noqa: A002
        """Upload a data set. fields: further fields of the form, such as `label="species"`."""
        return self.api.upload(Path(file), {"name": name, "format": format, **fields})
