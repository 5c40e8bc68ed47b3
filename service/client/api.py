"""The endpoints of the service as methods that return decoded JSON: what the client and the command line call."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO, NoReturn, Self
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


class Api:
    """A method for each endpoint that programs need. Each returns the decoded JSON.

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

    def experiments(self, **query: Any) -> dict[str, Any]:
        """A page of experiments, with the parameters of `GET /experiments`. One of None is left out."""
        given = {name: value for name, value in query.items() if value is not None}
        page: dict[str, Any] = self._json("GET", f"/experiments?{urlencode(given)}")
        return page

    def edit(self, experiment_id: int, changes: dict[str, Any]) -> dict[str, Any]:
        """Change the name, the tags or the note of an experiment."""
        edited: dict[str, Any] = self._json(
            "PATCH", f"/experiments/{experiment_id}", content=json.dumps(changes)
        )
        return edited

    def cancel(self, experiment_id: int) -> dict[str, Any]:
        """Request that an experiment stops."""
        accepted: dict[str, Any] = self._json("POST", f"/experiments/{experiment_id}/cancel")
        return accepted

    def metrics(self, experiment_id: int) -> list[dict[str, Any]]:
        """The metrics of all epochs."""
        path = f"/experiments/{experiment_id}/metrics?format=ndjson"
        return [json.loads(line) for line in self._get(path).text.splitlines()]

    def chart(self, experiment_id: int, name: str) -> str:
        """A chart of an experiment as SVG: `curves`, `classes`, `confusion`."""
        return self._get(f"/experiments/{experiment_id}/charts/{name}.svg").text

    def bundle(self, experiment_id: int, file: IO[bytes]) -> None:
        """Write the zip file with all that is needed to repeat an experiment."""
        path = f"/experiments/{experiment_id}/bundle"
        with self._http.stream("GET", path, timeout=600) as response:
            if response.is_error:
                response.read()
                self._raise(response, f"GET {path}")
            for part in response.iter_bytes():
                file.write(part)

    def predict_rows(self, experiment_id: int, rows: list[Any], seed: int | None = None) -> dict[str, Any]:
        """What the model of an experiment predicts for rows."""
        query = "" if seed is None else f"?seed={seed}"
        path, body = f"/experiments/{experiment_id}/predict{query}", json.dumps({"rows": rows})
        predicted: dict[str, Any] = self._json("POST", path, content=body)
        return predicted

    def catalog(self) -> dict[str, Any]:
        """Every loss, optimizer, balancing and so on that a spec can name."""
        catalog: dict[str, Any] = self._json("GET", "/catalog")
        return catalog

    def upload(self, file: Path, fields: dict[str, str]) -> dict[str, Any]:
        """Upload a data set. fields: those of the form, such as `name` and `format`."""
        return self._form("/datasets", file, fields)

    def submit_sweep(self, request: str) -> dict[str, Any]:
        """Queue a sweep from a request in JSON."""
        accepted: dict[str, Any] = self._json("POST", "/sweeps", content=request)
        return accepted

    def sweep(self, sweep_id: int) -> dict[str, Any]:
        """A sweep's status and progress."""
        sweep: dict[str, Any] = self._json("GET", f"/sweeps/{sweep_id}")
        return sweep

    def leaderboard(self, sweep_id: int, metric: str | None = None) -> dict[str, Any]:
        """The candidates of a sweep, ranked."""
        query = "" if metric is None else f"?{urlencode({'metric': metric})}"
        leaderboard: dict[str, Any] = self._json("GET", f"/sweeps/{sweep_id}/leaderboard{query}")
        return leaderboard

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
        return self._form("/datasets/inspect", file, fields)

    def _form(self, path: str, file: Path, fields: dict[str, str]) -> dict[str, Any]:
        with file.open("rb") as content:
            response = self._http.post(path, data=fields, files={"file": content}, timeout=600)
        if response.is_error:
            self._raise(response, f"POST {path}")
        answer: dict[str, Any] = response.json()
        return answer

    def _get(self, path: str) -> httpx2.Response:
        response = self._http.get(path, timeout=120)
        if response.is_error:
            self._raise(response, f"GET {path}")
        return response

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
