"""Bodies and requests made to break things: each gets a problem that tells nothing of the inside."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.settings import Settings

DEEP = 10_000
LEAKS = ("Traceback", 'File "', "site-packages", "sqlalchemy", "pydantic", "Error(", "0x")


def of(**spec: Any) -> bytes:
    return json.dumps(spec).encode()


BODIES: dict[str, tuple[bytes, int]] = {
    "nothing": (b"", 400),
    "blank": (b"   ", 400),
    "half an object": (b'{"loss": ', 400),
    "an array": (b"[]", 422),
    "a string": (b'"{}"', 422),
    "a number": (b"7", 422),
    "null": (b"null", 422),
    "true": (b"true", 422),
    "NaN": (b'{"optimizer": {"name": "adam", "learning_rate": NaN}}', 400),
    "NaN in an unknown field": (b'{"unknown": NaN}', 400),
    "infinity": (b'{"loss": {"name": "focal", "gamma": Infinity}}', 400),
    "1e999": (b'{"loss": {"name": "focal", "gamma": 1e999}}', 400),
    "-1e999 where nothing is known": (b'{"x": {"y": [-1e999]}}', 400),
    "a lone surrogate": (b'{"name": "\\ud800"}', 400),
    "a lone surrogate as a key": (b'{"\\udfff": 1}', 400),
    "NUL": (b'{"name": "a\\u0000b"}', 400),
    "NUL in a tag": (b'{"tags": ["\\u0000"]}', 400),
    "control characters": (b'{"name": "a\\u001bb"}', 422),
    "a raw control character": (b'{"name": "a\x01"}', 400),
    "not UTF-8": (b'{"name": "\xff\xfe"}', 400),
    "UTF-16": ("{}".encode("utf-16"), 400),
    "a byte order mark": (b"\xef\xbb\xbf{}", 400),
    "lists 10,000 deep": (b'{"a":' + b"[" * DEEP + b"]" * DEEP + b"}", 400),
    "objects 10,000 deep": (b'{"a":' * DEEP + b"1" + b"}" * DEEP, 400),
    "lists 400 deep": (b'{"a":' + b"[" * 400 + b"]" * 400 + b"}", 422),
    "2^63": (of(seeds=[2**63]), 422),
    "2^64 epochs": (of(training={"epochs": 2**64}), 422),
    "a number of 5,000 digits": (b'{"seeds": [' + b"9" * 5000 + b"]}", 400),
    "10^99": (of(optimizer={"name": "adam", "learning_rate": 10**99, "x": 1}), 422),
    "a negative seed": (of(seeds=[-1]), 422),
    "a float for a count": (of(training={"epochs": 1.5}), 422),
    "text for a number": (of(training={"epochs": "20"}), 422),
    "a boolean for a number": (of(training={"epochs": True}), 422),
    "a key given twice": (b'{"loss": "l2", "loss": "l1"}', 400),
    "a key given twice further in": (b'{"loss": {"name": "l2", "name": "l1"}}', 400),
    "an unknown loss": (of(loss="focl"), 422),
    "a loss of 100,000 letters": (of(loss="f" * 100_000), 422),
    "a key of 100,000 letters": (of(**{"k" * 100_000: 1}), 422),
    "50,000 unknown keys": (of(**{f"k{i}": 0 for i in range(50_000)}), 422),
    "a list for a name": (of(loss={"name": ["focal"]}), 422),
    "an object for a name": (of(loss={"name": {"name": "focal"}}), 422),
    "null for a loss": (of(loss=None), 422),
    "null for a data set": (of(dataset=None), 422),
    "a list for a data set": (of(dataset=["digits"]), 422),
    "a path for a data set": (of(dataset="../../etc/passwd"), 422),
    "an absolute path": (of(dataset={"name": "/etc"}), 422),
    "a data set that does not exist": (of(dataset="imagenet"), 422),
    "a false pin": (of(dataset={"name": "digits", "sha256": "0" * 64}), 422),
    "a giant synthetic data set": (of(dataset={"name": "synthetic", "counts": [10**9] * 1000}), 422),
    "1,000,000 seeds": (of(seeds=list(range(100_000))), 422),
    "no seeds": (of(seeds=[]), 422),
    "seeds that repeat": (of(seeds=[1, 1]), 422),
    "seeds and replicates": (of(seeds=[1], replicates=2), 422),
    "a giant network": (of(model={"hidden": [65_536] * 32}), 422),
    "batch norm with batch size 1": (of(model={"batch_norm": True}, training={"batch_size": 1}), 422),
    "ratios that do not sum to 1": (of(split={"train": 0.9}), 422),
    "a negative rate": (of(optimizer={"name": "sgd", "learning_rate": -1}), 422),
    "too few rows for every part": (of(dataset={"name": "synthetic", "counts": [100, 2]}), 422),
    "a script as a tag": (of(tags=["<script>alert(1)</script>"]), 422),
    "SQL as a tag": (of(tags=["'; DROP TABLE runs; --"]), 422),
    "33 tags": (of(tags=[f"t{i}" for i in range(33)]), 422),
    "a name of 201 letters": (of(name="n" * 201), 422),
    "an empty key": (of(**{"": 1}), 422),
    "a prototype": (of(__proto__={"loss": "l2"}), 422),
}


def test_the_corpus_is_of_size() -> None:
    assert len(BODIES) >= 60


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """One application for all: nothing of what is tried here may be stored."""
    from service.app import create_app
    from service.store.database import Database
    from service.store.tables import Base

    settings = Settings(workers=0, data_dir=tmp_path_factory.mktemp("hostile"))
    database = Database(settings.url)
    Base.metadata.create_all(database.engine)
    with TestClient(create_app(settings)) as client:
        yield client
        assert client.get("/experiments").json()["items"] == []
    database.close()


@pytest.mark.sampled(64)
@pytest.mark.parametrize("path", ["/experiments", "/experiments/validate"])
@pytest.mark.parametrize(("content", "status"), BODIES.values(), ids=list(BODIES))
def test_a_hostile_body_gets_a_problem(shared: TestClient, path: str, content: bytes, status: int) -> None:
    response = shared.post(path, content=content, headers={"Content-Type": "application/json"})
    assert response.status_code == status, response.text
    problem = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["status"] == status
    assert problem["detail"]
    assert len(response.content) < 50_000
    assert (status == 422) == bool(problem["errors"])
    assert not [leak for leak in LEAKS if leak in response.text]


def test_an_error_names_the_field_the_value_and_what_would_be_right(shared: TestClient) -> None:
    spec = {"loss": {"name": "focal", "gama": 2}, "optimizer": {"name": "adm"}, "training": {"epochs": 0}}
    errors = {e["path"]: e for e in shared.post("/experiments", json=spec).json()["errors"]}
    assert set(errors) == {"loss.gama", "optimizer", "training.epochs"}
    assert errors["loss.gama"]["value"] == 2
    assert "did you mean 'gamma'" in errors["loss.gama"]["message"]
    assert errors["optimizer"]["value"] == "adm"
    assert "did you mean 'adam'" in errors["optimizer"]["message"]
    assert "greater than or equal to 1" in errors["training.epochs"]["message"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/xml"},
        {"Content-Type": "text/json"},
        {"Content-Type": "json"},
        {"Content-Type": "\xff"},
        {"Content-Type": "x" * 5000},
    ],
)
def test_a_body_that_is_not_called_json_is_415(shared: TestClient, headers: dict[str, str]) -> None:
    given = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
    response = shared.post("/experiments", content=b"{}", headers=given)
    assert response.status_code == 415
    assert "application/json" in response.json()["detail"]


@pytest.mark.parametrize(
    "media_type", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/x+json"]
)
def test_json_by_another_name_is_read(shared: TestClient, media_type: str) -> None:
    headers = {"Content-Type": media_type}
    assert shared.post("/experiments/validate", content=b"{}", headers=headers).status_code == 200


def test_a_large_body_is_413_however_it_comes(shared: TestClient) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(10_000):
            yield b" " * 1000

    headers = {"Content-Type": "application/json"}
    for content in (b" " * 10_000_000, chunks()):
        response = shared.post("/experiments", content=content, headers=headers)
        assert response.status_code == 413
        assert "1,000,000 bytes" in response.json()["detail"]


@pytest.mark.sampled(24)
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/experiments/0", 404),
        ("/experiments/-1", 404),
        ("/experiments/01", 404),
        ("/experiments/x", 404),
        ("/experiments/1e3", 404),
        (f"/experiments/{2**63}", 422),
        ("/experiments/" + "9" * 5000, 404),
        ("/experiments/\N{ARABIC-INDIC DIGIT ONE}", 404),
        (f"/experiments/{2**63 - 1}", 404),
        ("/experiments/%00", 404),
        ("/experiments/1%2f2", 404),
        ("/experiments/", 404),
        ("/experiments/1/nothing", 404),
        ("/datasets/%00", 422),
        ("/datasets/%2e%2e%2fetc", 404),
        ("/datasets/Digits", 422),
        ("/datasets/digts", 404),
        ("/static/../app.py", 404),
        ("/static/%2e%2e/docs.html", 404),
        ("/%ff%fe", 404),
        ("/problems/nothing", 422),
        ("/experiments?limit=0", 422),
        ("/experiments?limit=1001", 422),
        ("/experiments?limit=1e2", 422),
        ("/experiments?status=done", 422),
        ("/experiments?loss=focl", 422),
        ("/experiments?tag=%00", 422),
        ("/experiments?tag='--", 422),
        ("/experiments?dataset=%F0%9F%98%80", 422),
        ("/experiments?sort=password", 422),
        ("/experiments?cursor=x", 422),
        ("/experiments?cursor=MTIz&cursor=MTIz", 422),
        ("/experiments?cursor=WzFd", 422),
        ("/experiments?cursor=LTE", 422),
        ("/experiments?cursor=OTk5OTk5OTk5OTk5OTk5OTk5OTk5", 422),
        ("/experiments?cursor=%C3%A9", 422),
        ("/experiments?offset=1", 422),
        ("/experiments/1/metrics?after_epoch=-1", 422),
        ("/experiments/1/metrics?after_epoch=99999999999", 422),
        ("/experiments/1/metrics?seed=-1", 422),
        (f"/experiments/1/metrics?seed={2**63}", 422),
        ("/experiments/1/metrics?cursor=W10", 422),
        ("/experiments/1/classes?epoch=0", 422),
        ("/experiments/1/classes?epoch=first", 422),
        ("/experiments/1/classes?epoch=%D9%A1", 422),
        ("/experiments/1/classes?series=maybe", 422),
        ("/experiments/1/confusion?limit=1", 422),
        ("/health?verbose=1", 422),
    ],
)
def test_a_hostile_address_gets_a_problem(shared: TestClient, path: str, status: int) -> None:
    response = shared.get(path)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == status
    assert not [leak for leak in LEAKS if leak in response.text]
