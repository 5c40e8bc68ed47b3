"""The endpoints of experiments, each as a method that returns decoded JSON."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from service.client.connection import Connection

SENT_BYTES = 2**18
"""As much of a file is sent at once."""


class ExperimentEndpoints(Connection):
    """What programs need of /experiments and /comparisons. query: the parameters of the endpoint, without None."""

    def submit(self, spec: str, key: str | None = None) -> dict[str, Any]:
        """Queue an experiment from a spec in JSON. Returns its id, status and links.

        key: with the same key, a repeated request submits nothing again.
        """
        accepted: dict[str, Any] = self._submit("/experiments", spec, key)
        return accepted

    def validate(self, spec: str) -> dict[str, Any]:
        """The resolved spec and its plan."""
        resolved: dict[str, Any] = self._json("POST", "/experiments/validate", content=spec)
        return resolved

    def experiments(self, **query: Any) -> dict[str, Any]:
        """A page of experiments."""
        page: dict[str, Any] = self._json("GET", "/experiments", query=query)
        return page

    def experiment(self, experiment_id: int) -> dict[str, Any]:
        """An experiment's status, progress and summary."""
        experiment: dict[str, Any] = self._json("GET", f"/experiments/{experiment_id}")
        return experiment

    def changed_experiment(
        self, experiment_id: int, etag: str | None, wait: float
    ) -> tuple[dict[str, Any], str | None] | None:
        """An experiment and its ETag once it has changed; None if it has not within `wait` seconds."""
        return self._changed(f"/experiments/{experiment_id}", etag, wait)

    def edit(self, experiment_id: int, changes: dict[str, Any]) -> dict[str, Any]:
        """Change the name, the tags or the note of an experiment."""
        path, content = f"/experiments/{experiment_id}", json.dumps(changes)
        edited: dict[str, Any] = self._json("PATCH", path, content=content)
        return edited

    def cancel(self, experiment_id: int) -> dict[str, Any]:
        """Request that an experiment stops."""
        accepted: dict[str, Any] = self._json("POST", f"/experiments/{experiment_id}/cancel")
        return accepted

    def retry(self, experiment_id: int, **query: Any) -> dict[str, Any]:
        """Queue failed and cancelled runs again."""
        accepted: dict[str, Any] = self._json("POST", f"/experiments/{experiment_id}/retry", query=query)
        return accepted

    def delete(self, experiment_id: int) -> None:
        """Delete an experiment that has ended."""
        self._json("DELETE", f"/experiments/{experiment_id}")

    def rows(self, experiment_id: int, resource: str, **query: Any) -> list[dict[str, Any]]:
        """All rows of a resource of an experiment, such as `metrics`, `classes` or `predictions`."""
        text = self._text(f"/experiments/{experiment_id}/{resource}", {**query, "format": "ndjson"})
        return [json.loads(line) for line in text.splitlines()]

    def confusion(self, experiment_id: int, **query: Any) -> dict[str, Any]:
        """The confusion matrices of an experiment, with the names of the classes."""
        found: dict[str, Any] = self._json("GET", f"/experiments/{experiment_id}/confusion", query=query)
        return found

    def errors(self, experiment_id: int, *, limit: int) -> dict[str, Any]:
        """The rows that most seeds of an experiment get wrong."""
        query = {"limit": limit}
        errors: dict[str, Any] = self._json("GET", f"/experiments/{experiment_id}/errors", query=query)
        return errors

    def scores(self, experiment_id: int, resource: str) -> dict[str, Any]:
        """The `curves`, `reliability`, `operating-points` or `importance` of an experiment's runs."""
        path = f"/experiments/{experiment_id}/{resource}"
        scores: dict[str, Any] = self._json("GET", path)
        return scores

    def predictions(self, experiment_id: int) -> Iterator[str]:
        """Every prediction of an experiment's runs as CSV, in pieces as they arrive."""
        return self.csv(experiment_id, "predictions")

    def csv(self, experiment_id: int, resource: str) -> Iterator[str]:
        """The rows of a resource of an experiment as CSV, in pieces as they arrive."""
        with self._stream("GET", f"/experiments/{experiment_id}/{resource}?format=csv") as response:
            yield from response.iter_text()

    def predict(self, experiment_id: int, rows: BinaryIO, query: dict[str, int]) -> Iterator[str]:
        """The predictions of a CSV file as CSV, in pieces as they arrive."""
        chunks = iter(lambda: rows.read(SENT_BYTES), b"")
        request = {"params": query, "content": chunks, "headers": {"Content-Type": "text/csv"}}
        with self._stream("POST", f"/experiments/{experiment_id}/predict", **request) as response:
            yield from response.iter_text()

    def predict_rows(self, experiment_id: int, rows: Sequence[Any], **query: Any) -> dict[str, Any]:
        """What the model of an experiment predicts for rows."""
        path, content = f"/experiments/{experiment_id}/predict", json.dumps({"rows": rows})
        predicted: dict[str, Any] = self._json("POST", path, content=content, query=query)
        return predicted

    def shift(
        self, experiment_id: int, file: BinaryIO, fields: dict[str, str], **query: Any
    ) -> dict[str, Any]:
        """A batch of rows in a file beside the validation rows of an experiment."""
        return self._form(f"/experiments/{experiment_id}/shift", file, fields, query)

    def measure_robustness(
        self, experiment_id: int, corruptions: Sequence[str] | None = None
    ) -> dict[str, Any]:
        """Request the report on corrupted rows; by default on all corruptions that fit."""
        path, content = f"/experiments/{experiment_id}/robustness", json.dumps({"corruptions": corruptions})
        found: dict[str, Any] = self._json("POST", path, content=content)
        return found

    def robustness(self, experiment_id: int) -> dict[str, Any]:
        """The report on corrupted rows, or how far it is."""
        found: dict[str, Any] = self._json("GET", f"/experiments/{experiment_id}/robustness")
        return found

    def test(self, experiment_id: int, accept: Sequence[str]) -> dict[str, Any]:
        """Evaluate an experiment on its sealed test rows."""
        path, content = f"/experiments/{experiment_id}/test-evaluations", json.dumps({"accept": list(accept)})
        evaluation: dict[str, Any] = self._json("POST", path, content=content)
        return evaluation

    def bundle(self, experiment_id: int, file: BinaryIO) -> None:
        """Write the zip file with all that is needed to repeat an experiment."""
        self._download(f"/experiments/{experiment_id}/bundle", file)

    def chart(self, experiment_id: int, name: str, **query: Any) -> str:
        """A chart of an experiment as SVG."""
        return self._text(f"/experiments/{experiment_id}/charts/{name}.svg", query)

    def compare(self, ids: Sequence[int], metric: str | None, reference: int | None) -> dict[str, Any]:
        """Each pair of experiments, or each with the reference, by one metric."""
        query = {"ids": ",".join(map(str, ids)), "metric": metric, "reference": reference}
        compared: dict[str, Any] = self._json("GET", "/comparisons", query=query)
        return compared

    def comparison_chart(self, ids: Sequence[int], metric: str | None, reference: int | None) -> str:
        """The differences of `compare` as SVG."""
        query = {"ids": ",".join(map(str, ids)), "metric": metric, "reference": reference}
        return self._text("/comparisons/chart.svg", query)
