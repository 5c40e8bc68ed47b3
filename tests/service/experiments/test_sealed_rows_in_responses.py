"""No GET tells anything about the sealed rows: every operation of the OpenAPI document is read, in all of its formats
and with every value that it lists for a parameter (with --quick, some), so a new operation is read without a change
here.
"""

import csv
import io
import json
import random
import zipfile
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import chain
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response

from tests.quick_selection import Some, all_of
from tests.service.experiments.test_robustness import carry_out
from tests.service.experiments.training import train_seed
from tests.service.fake_worker import FakeWorker
from workers.data.dataset import Dataset
from workers.evaluation.confusion import Margins, confusion_matrix
from workers.evaluation.metrics import FROM_CONFUSION
from workers.predictor import Predictor
from workers.spec import ExperimentSpec
from workers.training import Trainer

SPEC = {
    "dataset": "mine",
    "model": {"hidden": [4]},
    "training": {"epochs": 8, "batch_size": 16},
    "optimizer": {"name": "adam", "learning_rate": 0.02},
    "prediction": "threshold",  # so that there are operating points
    "split": {"train": 0.73, "validation": 0.17, "test": 0.1},
    "seeds": [0],
}
GENERATOR = random.Random(5)
ROWS = [
    (f"{GENERATOR.gauss(k, 1):.6f}", f"{GENERATOR.gauss(k, 1):.6f}", "xy"[k]) for k in [0] * 110 + [1] * 230
]
"""11 and 23 of them are sealed, 19 and 39 validate: ratios of the ones are not by chance ratios of the others."""
NOT_THERE = {
    "/datasets/{name}/preview.png": "/problems/no-picture",
    "/experiments/{experiment_id}/rows/{row}.png": "/problems/no-picture",
    "/experiments/{experiment_id}/charts/predictions.svg": "/problems/not-a-regression",
}
"""Operations that answer with a problem: the rows are no images, and the targets are classes."""
BY_CHANCE = 100
"""A ratio of numbers up to this one may be that of other rows too: a curve has many."""


@dataclass(frozen=True)
class Trained:
    """An experiment: the indices of its sealed rows, and figures of its model that need them; another one, and the
    sweep of both.
    """

    id: int
    other: int
    sweep: int
    sealed: set[int]
    figures: dict[str, float]

    @cached_property
    def values(self) -> list[float]:
        """The figures in order: a hundred thousand numbers are looked up."""
        return sorted(self.figures.values())


@pytest.fixture
def trained(app: FastAPI, client: TestClient, fake_worker: FakeWorker) -> Trained:
    file = "\n".join(["a,b,label", *(",".join(map(str, row)) for row in ROWS)])
    form = {"name": "mine", "format": "csv", "label": "label"}
    assert client.post("/datasets", data=form, files={"file": file.encode()}).status_code == 201
    assert client.post("/webhooks", json={"url": "https://93.184.216.34/"}).status_code == 201
    body = {"spec": SPEC, "strategy": "grid", "space": {"optimizer.learning_rate": [0.01, 0.02]}}
    sweep = client.post("/sweeps", json=body).json()["id"]
    candidates = client.get(f"/sweeps/{sweep}/candidates").json()["items"]
    other, experiment_id = (each["experiment_id"] for each in candidates)
    for each in (other, experiment_id):
        fake_worker.claim()
        trainer, _ = train_seed(app, fake_worker, each, 0)
    spec = ExperimentSpec.model_validate(fake_worker.read(experiment_id)["spec"])
    rows = app.state.registry.split_rows(spec.dataset, spec.split)
    whole = app.state.registry.load(spec.dataset)
    parts = {
        "sealed": rows.test,
        "validation and sealed": np.concatenate([rows.validation, rows.test]),
        "all": np.arange(len(whole)),
    }
    figures = chain.from_iterable(
        figures_of(trainer, whole.take(indices), name) for name, indices in parts.items()
    )
    return Trained(experiment_id, other, sweep, set(rows.test.tolist()), dict(figures))


def figures_of(trainer: Trainer, part: Dataset, name: str) -> Iterator[tuple[str, float]]:
    """The metrics of the trained model on some rows, with and without its threshold."""
    predictor = Predictor(trainer.spec, trainer.model(), classes=part.classes, image_shape=part.shape)
    called = predictor(part.features)
    matrix = confusion_matrix(part.labels, called.labels, len(part.classes))
    evaluation, _ = trainer.evaluate_selected(part, np.arange(len(part)))
    with_threshold = {f"called {each.name}": each(Margins.of(matrix)) for each in FROM_CONFUSION}
    for metric, value in chain(evaluation.metrics.items(), with_threshold.items()):
        if value is not None and abs(Fraction(value).limit_denominator(BY_CHANCE) - Fraction(value)) > 1e-9:
            yield f"{metric} of {name}", value


def reads(
    app: FastAPI, path_values: dict[str, Any], some: Some
) -> Iterator[tuple[str, str, dict[str, str], str]]:
    """Each GET of the document: its path, the address, the query and the media type to ask for."""
    document = app.openapi()
    for path, operations in document["paths"].items():
        if "get" not in operations:
            continue
        parameters = operations["get"].get("parameters", [])
        values = {"name": "mine", **path_values, **OF_PATH.get(path, {})}
        address = path.format_map(values)
        required = {
            each["name"]: str(values[each["name"]])
            for each in parameters
            if each["in"] == "query" and each["required"]
        }
        content = operations["get"]["responses"]["200"].get("content", {"*/*": {}})
        for media_type in content:
            yield path, address, required, media_type
        for each in parameters:
            values_of_it = listed(each["schema"], document) if each["in"] == "query" else []
            for value in some(values_of_it, 2, of=f"{path} {each['name']}"):
                yield path, address, required | {each["name"]: value}, next(iter(content))


OF_PATH = {
    "/problems/{name}": {"name": "no-model"},
    # each shows what the SVG of the same name shows, which is read too
    "/experiments/{experiment_id}/charts/{chart}.png": {"chart": "curves"},
    "/comparisons/{chart}.png": {"chart": "curves"},
    "/sweeps/{sweep_id}/{chart}.png": {"chart": "chart"},
}
"""Values of a path's parameters that differ from those of other paths."""


def listed(schema: dict[str, Any], document: dict[str, Any]) -> list[str]:
    """The values that a parameter may have, if the schema lists them."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if schema.get("type") == "boolean":
        return ["true", "false"]
    values = map(str, schema.get("enum", [schema["const"]] if "const" in schema else []))
    return [*values, *chain.from_iterable(listed(each, document) for each in schema.get("anyOf", []))]


def records_of(response: Response) -> list[Any]:
    """What a response says, as JSON values: its body, its lines, its events or the files in it."""
    kind = response.headers["content-type"].partition(";")[0]
    if kind == "application/zip":
        archive = zipfile.ZipFile(io.BytesIO(response.content))
        names = [name for name in archive.namelist() if name.endswith((".json", ".csv", ".ndjson"))]
        assert names
        return [record for name in names for record in parsed(archive.read(name).decode(), name)]
    if kind in ("application/octet-stream", "image/png", "text/plain"):
        return [response.content.decode(errors="replace")]
    if kind == "text/event-stream":
        lines = response.text.splitlines()
        return [json.loads(line[5:]) for line in lines if line.startswith("data:") and line != "data:"]
    if kind == "image/svg+xml":
        return list(words_of(response.text))
    return parsed(response.text, kind.replace("/", "."))


def words_of(svg: str) -> Iterator[str]:
    """The words and numbers in the texts of a picture, its description included."""
    for text in ElementTree.fromstring(svg).itertext():
        yield from (word.strip("(),;:") for word in text.split())


def parsed(text: str, name: str) -> list[Any]:
    """The records of a text, by the end of its name."""
    if name.endswith("csv"):
        return list(csv.DictReader(io.StringIO(text)))
    return [json.loads(line) for line in text.splitlines()] if name.endswith("ndjson") else [json.loads(text)]


def leaks(value: Any, trained: Trained) -> Iterator[str]:
    """Where a JSON value has an item of the test part, a sealed row, or a figure that needs one."""
    if isinstance(value, dict):
        if value.get("split") == "test":
            yield f"an item of the test part: {value}"
        if "row" in value and int(value["row"]) in trained.sealed:
            yield f"sealed row {value['row']}"
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from leaks(each, trained)
    elif isinstance(value, (int, float, str)) and not isinstance(value, bool):
        number = as_number(value)
        first = bisect_left(trained.values, number - 1e-9)
        if first < len(trained.values) and trained.values[first] < number + 1e-9:
            yield from (name for name, known in trained.figures.items() if abs(number - known) < 1e-9)


def as_number(value: float | str) -> float:
    try:
        return float(value)
    except ValueError:
        return float("nan")


def test_no_get_of_the_document_tells_anything_about_the_sealed_rows(
    app: FastAPI, client: TestClient, trained: Trained, some: Some
) -> None:
    (hook,) = client.get("/webhooks").json()["items"]
    values = {"experiment_id": trained.id, "sweep_id": trained.sweep, "webhook_id": hook["id"]}
    values |= {"monitor_id": watched(client, trained.id), "number": 1}
    measure_corrupted_rows(app, client, trained.id)
    values |= {"ids": f"{trained.id},{trained.other}", "row": min(set(range(len(ROWS))) - trained.sealed)}
    read = set()
    for path, address, query, media_type in reads(app, values, some):
        asked = f"GET {address} {query} as {media_type}"
        response = client.get(address, params=query, headers={"Accept": media_type})
        if path in NOT_THERE:
            assert response.json()["type"] == NOT_THERE[path], asked
            continue
        assert response.status_code == 200, f"{asked}: {response.text}"
        records = records_of(response)
        assert records or "evaluation" in query.values(), asked
        assert not list(leaks(records, trained)), asked
        read.add(path)
    rows = {"predictions", "errors", "curves", "reliability", "operating-points", "robustness"}
    assert {f"/experiments/{{experiment_id}}/{name}" for name in rows} < read
    assert {
        f"/monitors/{{monitor_id}}{path}" for path in ("", "/batches", "/batches/{number}", "/chart.svg")
    } < read


def watched(client: TestClient, experiment_id: int) -> int:
    """A monitor with a batch of labelled rows: copies of every third row, so that sealed ones are among them."""
    made = client.post("/monitors", json={"experiment_id": experiment_id, "name": "line"})
    rows = [{"a": float(a), "b": float(b)} for a, b, _ in ROWS[::3]]
    batch = {"rows": rows, "labels": [label for *_, label in ROWS[::3]]}
    added = client.post(f"{made.headers['location']}/batches", json=batch)
    assert added.status_code == 201, added.text
    assert added.json()["accuracy"] is not None
    return int(made.json()["id"])


def measure_corrupted_rows(app: FastAPI, client: TestClient, experiment_id: int) -> None:
    """A finished report on robustness."""
    asked = client.post(f"/experiments/{experiment_id}/robustness", json={"corruptions": ["noise"]})
    assert asked.status_code == 202, asked.text
    carry_out(app)
    assert client.get(asked.headers["location"]).json()["report"] is not None


def test_the_test_part_cannot_be_asked_for(client: TestClient, trained: Trained) -> None:
    for path in ("metrics", "classes", "confusion", "predictions", "errors", "curves"):
        refused = client.get(f"/experiments/{trained.id}/{path}?split=test")
        assert refused.status_code == 422, path


def test_a_leak_would_be_found(client: TestClient, trained: Trained) -> None:
    """After a look, which tells the figures, and in rows that name a sealed one."""
    assert client.post(f"/experiments/{trained.id}/test-evaluations").status_code == 201
    found = set(leaks(client.get(f"/experiments/{trained.id}/test-evaluations").json(), trained))
    assert "called balanced_accuracy of sealed" in found
    sealed = min(trained.sealed)
    assert list(leaks([{"row": str(sealed)}], trained)) == [f"sealed row {sealed}"]
    assert list(leaks({"items": [{"split": "test"}]}, trained))


def test_what_is_read_follows_the_document(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    """A route without a value for its parameter is an error, not one that is left out."""
    document = app.openapi()
    new: dict[str, Any] = {"get": {"responses": {"200": {}}}}
    with_new = {**document, "paths": {**document["paths"], "/new/{key}": new}}
    monkeypatch.setattr(app, "openapi", lambda: with_new)
    values = {
        "experiment_id": 1,
        "sweep_id": 1,
        "webhook_id": 1,
        "monitor_id": 1,
        "number": 1,
        "ids": 1,
        "row": 1,
    }
    with pytest.raises(KeyError):
        list(reads(app, values, all_of))
    assert "/new/k" in {address for _, address, _, _ in reads(app, values | {"key": "k"}, all_of)}
