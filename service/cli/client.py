"""An HTTP client of the service, for the command line and for scripts in Python."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NoReturn, Self
from urllib.parse import urlencode

import httpx2

SENT_BYTES = 2**18
"""As much of a file is sent at once."""


class RequestRefused(Exception):
    """The service responded with a problem. The text has its detail, and the place of each error."""

    def __init__(self, problem: dict[str, Any]) -> None:
        self.problem = problem
        lines = [str(problem.get("detail") or problem.get("title") or "refused")]
        lines += [f"  {error['path']}: {error['message']}" for error in problem.get("errors", [])]
        super().__init__("\n".join(lines))


class Client:
    """A method for each endpoint that the command line needs. Each returns the decoded JSON.

    Raises RequestRefused if the service responds with an error, and httpx2.HTTPError if it does not respond.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        """`token` defaults to the environment variable HOLDOUT_TOKEN."""
        self.url = url.rstrip("/")
        token = token or os.environ.get("HOLDOUT_TOKEN")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx2.Client(base_url=self.url, timeout=30, headers=headers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def submit(self, spec: str) -> dict[str, Any]:
        """Queue an experiment from a spec in JSON. Returns its id, status and links."""
        accepted: dict[str, Any] = self._json("POST", "/experiments", content=spec)
        return accepted

    def validate(self, spec: str) -> dict[str, Any]:
        """The resolved spec and its plan."""
        resolved: dict[str, Any] = self._json("POST", "/experiments/validate", content=spec)
        return resolved

    def experiment(self, experiment_id: int) -> dict[str, Any]:
        """An experiment's status, progress and summary."""
        experiment: dict[str, Any] = self._json("GET", f"/experiments/{experiment_id}")
        return experiment

    def errors(self, experiment_id: int, *, limit: int) -> dict[str, Any]:
        """The rows that most seeds of an experiment get wrong."""
        errors: dict[str, Any] = self._json("GET", f"/experiments/{experiment_id}/errors?limit={limit}")
        return errors

    def scores(self, experiment_id: int, resource: str) -> dict[str, Any]:
        """The `curves`, `reliability`, `operating-points` or `importance` of an experiment's runs."""
        scores: dict[str, Any] = self._json("GET", f"/experiments/{experiment_id}/{resource}")
        return scores

    def predictions(self, experiment_id: int) -> Iterator[str]:
        """Every prediction of an experiment's runs as CSV, in pieces as they arrive."""
        return self.csv(experiment_id, "predictions")

    def predict(self, experiment_id: int, rows: BinaryIO, query: dict[str, int]) -> Iterator[str]:
        """The predictions of a CSV file as CSV, in pieces as they arrive."""
        path = f"/experiments/{experiment_id}/predict"
        chunks = iter(lambda: rows.read(SENT_BYTES), b"")
        headers = {"Content-Type": "text/csv"}
        with self._http.stream(
            "POST", path, params=query, content=chunks, headers=headers, timeout=600
        ) as found:
            if found.is_error:
                found.read()
                self._raise(found, f"POST {path}")
            yield from found.iter_text()

    def csv(self, experiment_id: int, resource: str) -> Iterator[str]:
        """The rows of a resource of an experiment as CSV, in pieces as they arrive."""
        path = f"/experiments/{experiment_id}/{resource}?format=csv"
        with self._http.stream("GET", path) as response:
            if response.is_error:
                response.read()
                self._raise(response, f"GET {path}")
            yield from response.iter_text()

    def test(self, experiment_id: int, accept: Sequence[str]) -> dict[str, Any]:
        """Evaluate an experiment on its sealed test rows."""
        body = json.dumps({"accept": list(accept)})
        path = f"/experiments/{experiment_id}/test-evaluations"
        evaluation: dict[str, Any] = self._json("POST", path, content=body)
        return evaluation

    def compare(self, ids: Sequence[int], metric: str | None, reference: int | None) -> dict[str, Any]:
        """Each pair of experiments, or each with the reference, by one metric."""
        query: dict[str, Any] = {"ids": ",".join(map(str, ids)), "metric": metric, "reference": reference}
        given = {name: value for name, value in query.items() if value is not None}
        compared: dict[str, Any] = self._json("GET", f"/comparisons?{urlencode(given)}")
        return compared

    def shift(self, experiment_id: int, file: Path, label: str | None) -> dict[str, Any]:
        """A batch of rows in a CSV or NPZ file beside the validation rows of an experiment."""
        fields = {"format": "npz" if file.suffix == ".npz" else "csv"} | ({"label": label} if label else {})
        path = f"/experiments/{experiment_id}/shift"
        with file.open("rb") as content:
            response = self._http.post(path, data=fields, files={"file": content}, timeout=600)
        if response.is_error:
            self._raise(response, f"POST {path}")
        compared: dict[str, Any] = response.json()
        return compared

    def datasets(self) -> list[dict[str, Any]]:
        """The data sets that a spec can name."""
        items: list[dict[str, Any]] = self._json("GET", "/datasets")["items"]
        return items

    def inspect(self, file: Path, fields: dict[str, str]) -> dict[str, Any]:
        """How the upload of a file would be taken; nothing is stored."""
        with file.open("rb") as content:
            response = self._http.post("/datasets/inspect", data=fields, files={"file": content}, timeout=600)
        if response.is_error:
            self._raise(response, "POST /datasets/inspect")
        inspected: dict[str, Any] = response.json()
        return inspected

    def _json(self, method: str, path: str, *, content: str | None = None) -> Any:
        headers = {"Content-Type": "application/json"} if content is not None else {}
        response = self._http.request(method, path, content=content, headers=headers)
        if response.is_error:
            self._raise(response, f"{method} {path}")
        return response.json()

    def _raise(self, response: httpx2.Response, request: str) -> NoReturn:
        try:
            raise RequestRefused(response.json())
        except json.JSONDecodeError:
            raise RequestRefused({"title": f"{request} answered {response.status_code}"}) from None
