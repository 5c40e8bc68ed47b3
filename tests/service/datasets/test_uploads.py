"""Uploads over HTTP: the form, the versions, and requests that are refused before a file is read."""

import errno
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response

from service.datasets import uploads
from service.datasets.uploads import UploadService
from service.http import forms
from service.settings import Settings
from tests.service.api.test_hostile import LEAKS
from tests.upload_files import FLOWERS, MORE_FLOWERS, Files, npz
from tests.workers.data.idx_files import idx_bytes, images_of

FORM = {"name": "flowers", "format": "csv"}
OTHER = FLOWERS + b"7,8,setosa\n"
IMAGES: Files = {"images": idx_bytes(images_of([0, 1])), "labels": idx_bytes(np.array([0, 1], np.uint8))}


def upload(client: TestClient, content: bytes = FLOWERS, **fields: str) -> Response:
    return client.post("/datasets", data=FORM | fields, files={"file": content})


def refused(response: Response, status: int, kind: str) -> dict[str, Any]:
    """The problem in a response."""
    problem: dict[str, Any] = response.json()
    assert (response.status_code, problem["type"]) == (status, f"/problems/{kind}"), response.text
    assert not [leak for leak in LEAKS if leak in response.text]
    return problem


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """SQLite only: these tests do not depend on the database."""
    return sqlite_url


@pytest.fixture
def datasets(settings: Settings) -> Iterator[Path]:
    """The folder of the data sets, which must contain no incomplete upload after the test."""
    folder = settings.data_dir / "datasets"
    yield folder
    assert not list(folder.glob(".upload-*"))


def test_an_upload_returns_its_facts_and_its_url(client: TestClient, datasets: Path) -> None:
    response = upload(client, label="species")
    assert response.status_code == 201, response.text
    facts = response.json()
    assert facts["classes"] == [{"name": "setosa", "rows": 2}, {"name": "virginica", "rows": 1}]
    known = (facts["source"], facts["rows"], facts["features"], facts["shape"], facts["version"])
    assert known == ("upload", 3, 2, None, 1)
    assert client.get(response.headers["location"]).json() == facts
    assert facts | {"table": None} in client.get("/datasets").json()["items"]
    assert [column["kind"] for column in facts["table"]["columns"]] == ["number", "number", "label"]


def test_the_same_content_is_200_and_other_content_the_next_version(
    client: TestClient, datasets: Path
) -> None:
    responses = [upload(client, content) for content in (FLOWERS, FLOWERS, OTHER, FLOWERS, OTHER)]
    assert [response.status_code for response in responses] == [201, 200, 201, 200, 200]
    versions = responses[-1].json()["versions"]
    assert [(each["version"], each["rows"]) for each in versions] == [(1, 3), (2, 4)]
    assert responses[-1].json()["sha256"] == versions[1]["sha256"]


def test_a_spec_names_an_upload_and_may_pin_a_version(client: TestClient, datasets: Path) -> None:
    content = FLOWERS + MORE_FLOWERS
    hashes = [upload(client, each).json()["sha256"] for each in (content, content + b"9,9,setosa\n")]
    for given, rows in (
        ("flowers", 44),
        *(({"name": "flowers", "sha256": h}, n) for h, n in zip(hashes, (43, 44), strict=True)),
    ):
        resolved = client.post("/experiments/validate", json={"dataset": given}).json()
        assert resolved["dataset"]["rows"] == rows
        assert resolved["spec"]["dataset"]["sha256"] == resolved["dataset"]["sha256"] in hashes


def test_images_come_as_idx_or_npz_with_a_picture(client: TestClient, datasets: Path) -> None:
    test = {f"test_{name}": content for name, content in IMAGES.items()}
    response = client.post("/datasets", data=FORM | {"format": "idx"}, files=IMAGES | test)
    assert response.status_code == 201, response.text
    assert (response.json()["shape"], response.json()["official_test"]) == ([4, 3, 1], 2)
    arrays: dict[str, Any] = {
        "x": images_of([0, 1]),
        "y": np.arange(2),
        "x_test": images_of([0, 1]),
        "y_test": np.arange(2),
    }
    again = client.post("/datasets", data=FORM | {"format": "npz"}, files={"file": npz(**arrays)})
    assert (again.status_code, again.json()["sha256"]) == (200, response.json()["sha256"])
    picture = client.get("/datasets/flowers/preview.png")
    assert picture.headers["content-type"] == "image/png"
    assert picture.content.startswith(b"\x89PNG")


def test_empty_file_fields_of_other_formats_are_ignored(client: TestClient) -> None:
    parts = [(name, (None, value.encode())) for name, value in FORM.items()]
    parts += [("file", ("x", FLOWERS)), ("images", ("", b"")), ("test_images", ("", b""))]  # type: ignore[list-item]
    assert client.post("/datasets", files=parts).status_code == 201


def test_a_table_has_no_picture(client: TestClient) -> None:
    assert "is a table" in refused(client.get("/datasets/iris/preview.png"), 404, "no-picture")["detail"]
    refused(client.get("/datasets/irys/preview.png"), 404, "unknown-dataset")
    assert client.get("/datasets/digits/preview.png").status_code == 200


@pytest.mark.parametrize(
    ("fields", "files", "path", "says"),
    [
        ({"name": None}, None, "name", "is missing"),
        ({"format": None}, {}, "file", "is missing (curl: -F name=NAME -F file=@FILE)"),
        ({"format": None}, {"file": b""}, "file", "is empty (curl: -F name=NAME -F file=@FILE)"),
        ({"format": None, "x": "a"}, None, "x", "is not a field of csv"),
        ({"format": None}, {"images": b"x"}, "labels", "is missing; idx takes the files images, labels"),
        ({"name": "Flowers"}, None, "name", "characters of a-z"),
        ({"name": "../flowers"}, None, "name", "characters of a-z"),
        ({"name": ".hidden"}, None, "name", "characters of a-z"),
        ({"name": "flowers\n"}, None, "name", "characters of a-z"),
        ({"name": "x" * 65}, None, "name", "characters of a-z"),
        ({"name": "x" * 20_001}, None, "name", "is longer than 20,000 bytes"),
        ({"name": "inspect"}, None, "name", "/datasets/inspect is a path of its own"),
        (
            {"format": "cvs"},
            None,
            "format",
            "did you mean 'csv'? it is one of csv, parquet, feather, jsonl, arff",
        ),
        ({"label": "x" * 201}, None, "label", "at most 200 characters"),
        ({"format": "npz", "label": "y"}, None, "label", "is not a field of npz"),
        ({"lable": "y"}, None, "lable", "did you mean 'label'?"),
        ({}, {}, "file", "is missing; csv takes the files file"),
        (
            {"format": "idx"},
            {"images": b"x"},
            "labels",
            "is missing; idx takes the files images, labels",
        ),
        ({}, {"file": FLOWERS, "images": b"x"}, "images", "is not a file of csv"),
        ({"format": "idx"}, {**IMAGES, "test_images": b"x"}, "test_labels", "come together"),
        ({}, {"file": FLOWERS, "flie": b""}, "flie", "did you mean 'file'?"),
    ],
)
def test_a_wrong_field_is_named_with_what_would_be_right(
    client: TestClient,
    datasets: Path,
    fields: dict[str, str | None],
    files: Files | None,
    path: str,
    says: str,
) -> None:
    data = {name: value for name, value in (FORM | fields).items() if value is not None}
    given = {"file": FLOWERS} if files is None else files
    # A form without files would be sent in another format.
    parts = [(name, (None, value.encode())) for name, value in data.items()]
    parts += [(name, ("x", content)) for name, content in given.items()]  # type: ignore[misc]
    [error] = refused(client.post("/datasets", files=parts), 422, "invalid-field")["errors"]
    assert error["path"] == path
    assert says in error["message"]


def test_a_field_given_twice_is_refused(client: TestClient, datasets: Path) -> None:
    for name in ("name", "file"):
        parts = [
            ("name", (None, b"a")),
            ("format", (None, b"csv")),
            ("file", ("x", FLOWERS)),
            (name, (None, b"b")),
        ]
        [error] = refused(client.post("/datasets", files=parts), 422, "invalid-field")["errors"]
        assert (error["path"], error["message"]) == (name, "is given more than once")


@pytest.mark.parametrize("name", ["digits", "iris", "synthetic", "mine"])
def test_the_name_of_another_data_set_is_reserved(client: TestClient, datasets: Path, name: str) -> None:
    (datasets / "mine").mkdir(parents=True)
    refused(upload(client, name=name), 409, "name-reserved")
    refused(client.delete(f"/datasets/{name}"), 409, "not-uploaded")


@pytest.mark.parametrize(
    ("content_type", "body", "status", "kind"),
    [
        ("application/json", b"{}", 415, "not-a-form"),
        ("text/csv", FLOWERS, 415, "not-a-form"),
        ("application/x-www-form-urlencoded", b"name=x", 415, "not-a-form"),
        (None, FLOWERS, 415, "not-a-form"),
        ("multipart/form-data", FLOWERS, 400, "malformed-form"),
        ("multipart/form-data; boundary=x", FLOWERS, 400, "malformed-form"),
        ("multipart/form-data; boundary=x", b"", 400, "malformed-form"),
        ("multipart/form-data; boundary=x", b"--x--", 422, "invalid-field"),
    ],
)
def test_a_body_other_than_a_form_is_refused(
    client: TestClient, datasets: Path, content_type: str | None, body: bytes, status: int, kind: str
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    refused(client.post("/datasets", content=body, headers=headers), status, kind)


@pytest.mark.parametrize("declared", [True, False])
def test_more_than_the_limit_is_413_with_and_without_content_length(
    app: FastAPI, client: TestClient, settings: Settings, datasets: Path, declared: bool
) -> None:
    app.state.uploads.settings = settings.model_copy(update={"max_upload_bytes": 1000})
    body = b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\n' + bytes(2000)
    content = body if declared else (body[start : start + 100] for start in range(0, len(body), 100))
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    problem = refused(client.post("/datasets", content=content, headers=headers), 413, "body-too-large")
    assert "1,000 bytes" in problem["detail"]


def test_a_slow_upload_is_408(client: TestClient, datasets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "BODY_SECONDS", 0.05)

    def slowly() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\n'
        for _ in range(20):
            time.sleep(0.01)
            yield b"1"

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    refused(client.post("/datasets", content=slowly(), headers=headers), 408, "body-too-slow")


def test_reading_has_its_limits(app: FastAPI, client: TestClient, settings: Settings, datasets: Path) -> None:
    app.state.uploads.settings = settings.model_copy(update={"upload_seconds": 1})
    long = b"x,y\n" + b"1.25,a\n2.25,b\n" * 2_000_000
    assert "within 1 second" in refused(upload(client, long), 413, "upload-too-large")["detail"]
    app.state.uploads.settings = settings.model_copy(update={"upload_memory_bytes": 60_000_000})
    wide = b",".join(b"%d" % n for n in range(200_000)) + b",y\n" + (b"1.25," * 200_000 + b"k\n") * 2
    assert "60,000,000 bytes of memory" in refused(upload(client, wide), 413, "upload-too-large")["detail"]


def test_only_a_few_are_received_at_once_and_fewer_of_one_owner(
    client: TestClient, app: FastAPI, datasets: Path
) -> None:
    service: UploadService = app.state.uploads
    with ExitStack() as receiving:
        for _ in range(uploads.MAX_CONCURRENT_PER_OWNER):
            receiving.enter_context(service.slot("local"))
        response = upload(client)
        refused(response, 429, "uploads-busy")
        assert int(response.headers["retry-after"]) > 0
    with ExitStack() as receiving:
        for number in range(uploads.MAX_CONCURRENT):
            receiving.enter_context(service.slot(f"owner {number // uploads.MAX_CONCURRENT_PER_OWNER}"))
        refused(upload(client), 429, "uploads-busy")
    assert upload(client).status_code == 201
    assert not service._receiving


def test_a_full_disk_is_507_and_leaves_nothing(
    client: TestClient, datasets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(forms._Receiver, "write", full)
    refused(upload(client), 507, "storage-full")
    monkeypatch.undo()
    assert upload(client).status_code == 201


def test_two_uploads_of_one_name_at_once_are_two_versions(client: TestClient, datasets: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        for first, second in ((FLOWERS, OTHER), (OTHER, FLOWERS), (FLOWERS + b"1,1,setosa\n",) * 2):
            responses = list(pool.map(lambda content: upload(client, content), (first, second)))
            assert {response.status_code for response in responses} <= {200, 201}
    versions = client.get("/datasets/flowers").json()["versions"]
    assert [each["version"] for each in versions] == [1, 2, 3]
    assert len({each["sha256"] for each in versions}) == 3
