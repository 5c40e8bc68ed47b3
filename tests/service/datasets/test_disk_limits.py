"""Limits on the disk that uploads take: unpacked size, quota of each owner, free space, time; and who may delete."""

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from service.datasets.uploads import UploadService
from service.free_space import FreeSpace
from service.http import forms
from service.settings import Settings
from service.store.credentials import tokens
from tests.service.datasets.test_uploads import FORM, OTHER, refused, upload
from tests.upload_files import FLOWERS, npz

MEGABYTE = 10**6


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """SQLite only: these tests do not depend on the database."""
    return sqlite_url


@pytest.fixture(autouse=True)
def nothing_is_left(settings: Settings) -> Iterator[None]:
    """No upload leaves anything behind."""
    yield
    assert not list((settings.data_dir / "datasets").glob(".upload-*"))


@pytest.fixture
def service(app: FastAPI, client: TestClient) -> UploadService:
    uploads: UploadService = app.state.uploads
    return uploads


def limit(service: UploadService, **limits: Any) -> None:
    service.settings = service.settings.model_copy(update=limits)


def bearer(app: FastAPI, name: str, scope: tokens.Scope = "submit") -> dict[str, str]:
    with app.state.database.write() as connection:
        return {"Authorization": f"Bearer {tokens.create(connection, name, scope)}"}


def test_a_small_file_that_unpacks_to_a_large_one_is_refused(
    client: TestClient, service: UploadService
) -> None:
    packed = npz(x=np.zeros((2000, 500), np.uint8), y=np.arange(2000) % 2)
    limit(service, max_unpacked_bytes=MEGABYTE)
    response = client.post("/datasets", data=FORM | {"format": "npz"}, files={"file": packed})
    problem = refused(response, 413, "upload-too-large")
    assert len(packed) < 20_000
    assert "once it is unpacked; at most 1,000,000 are read" in problem["detail"]
    limit(service, max_unpacked_bytes=2 * MEGABYTE)
    response = client.post("/datasets", data=FORM | {"format": "npz"}, files={"file": packed})
    assert response.status_code == 201


def test_each_owner_has_a_quota(client: TestClient, service: UploadService, app: FastAPI) -> None:
    ada, bob = bearer(app, "ada"), bearer(app, "bob")
    assert client.post("/datasets", data=FORM, files={"file": FLOWERS}, headers=ada).status_code == 201
    used = service.registry.uploads.used_by("ada")
    assert used > 0
    assert service.registry.uploads.used_by("bob") == 0
    limit(service, upload_quota_bytes=used + 1)
    response = client.post("/datasets", data=FORM, files={"file": OTHER}, headers=ada)
    assert (
        f"take {used:,} bytes of the {used + 1:,}"
        in refused(response, 507, "upload-quota-exceeded")["detail"]
    )
    assert client.post("/datasets", data=FORM, files={"file": FLOWERS}, headers=ada).status_code == 200
    response = client.post("/datasets", data=FORM | {"name": "own"}, files={"file": OTHER}, headers=bob)
    assert response.status_code == 201
    limit(service, upload_quota_bytes=used)
    response = client.post("/datasets", data=FORM, files={"file": FLOWERS}, headers=ada)
    refused(response, 507, "upload-quota-exceeded")
    assert client.delete("/datasets/flowers", headers=ada).status_code == 204
    assert client.post("/datasets", data=FORM, files={"file": FLOWERS}, headers=ada).status_code == 201


def test_owners_delete_their_own_uploads_and_admins_any(client: TestClient, app: FastAPI) -> None:
    ada, bob, root = bearer(app, "ada"), bearer(app, "bob"), bearer(app, "root", "admin")
    for name, owner in (("first", ada), ("second", ada), ("shared", ada)):
        client.post("/datasets", data=FORM | {"name": name}, files={"file": FLOWERS}, headers=owner)
    client.post("/datasets", data=FORM | {"name": "shared"}, files={"file": OTHER}, headers=bob)
    for name in ("first", "shared"):
        problem = refused(client.delete(f"/datasets/{name}", headers=bob), 403, "not-the-owner")
        assert f"data set '{name}'" in problem["detail"]
    refused(client.delete("/datasets/shared", headers=ada), 403, "not-the-owner")
    assert client.delete("/datasets/first", headers=ada).status_code == 204
    for name in ("second", "shared"):
        assert client.delete(f"/datasets/{name}", headers=root).status_code == 204


def test_while_little_space_is_free_nothing_is_accepted_that_fills_it(
    client: TestClient, service: UploadService, app: FastAPI, settings: Settings
) -> None:
    app.state.space = service.space = FreeSpace(settings.data_dir, 100, measure=lambda _: 99)
    refused(upload(client), 507, "storage-full")
    refused(client.post("/experiments", json={}), 507, "storage-full")
    assert client.get("/experiments").status_code == 200
    app.state.space = service.space = FreeSpace(settings.data_dir, 100, measure=lambda _: 10_000)
    assert client.post("/experiments", json={}).status_code == 202
    refused(upload(client, FLOWERS * 1000), 507, "storage-full")  # its declared size does not fit
    assert upload(client).status_code == 201


def test_reading_does_not_take_the_space_that_must_stay_free(
    client: TestClient, service: UploadService
) -> None:
    limit(service, min_free_bytes=10**18)
    refused(upload(client), 507, "storage-full")


def test_an_upload_has_a_deadline_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk of a megabyte comes each second: that is fast enough, but not for ever."""
    clock = count()
    monkeypatch.setattr(forms, "time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    chunk = {"type": "http.request", "body": bytes(MEGABYTE), "more_body": True}
    monkeypatch.setattr(forms, "from_thread", SimpleNamespace(run=lambda *_: chunk))
    chunks = forms._chunks(Request({"type": "http", "headers": []}), 10**9, 60)
    assert len([next(chunks) for _ in range(60)]) == 60
    with pytest.raises(forms.UploadTooSlow, match="HOLDOUT_UPLOAD_TRANSFER_SECONDS"):
        next(chunks)


def test_uploads_of_earlier_versions_belong_to_nobody(
    client: TestClient, settings: Settings, app: FastAPI
) -> None:
    assert upload(client).status_code == 201
    record = Path(settings.data_dir / "datasets" / "flowers" / "versions.json")
    [version] = json.loads(record.read_text())
    assert (version.pop("owner"), version.pop("size") > 0) == ("local", True)
    record.write_text(json.dumps([version]))
    assert client.get("/datasets/flowers").status_code == 200
    ada, root = bearer(app, "ada"), bearer(app, "root", "admin")
    refused(client.delete("/datasets/flowers", headers=ada), 403, "not-the-owner")
    assert client.delete("/datasets/flowers", headers=root).status_code == 204
