"""What the API does for agents on other machines before it sends the response."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from service.app import create_app
from service.settings import Settings
from service.store.artifacts.blob_store import BlobStore, BlobStoreUnavailable
from service.store.database import Database
from tests.workers.data.idx_files import write_folder
from workers.data.registry import DatasetRegistry
from workers.data.sources import Folder


@pytest.fixture
def client(settings: Settings, database: Database, tmp_path: Path) -> Iterator[TestClient]:
    write_folder(tmp_path / "data" / "datasets" / "mine", [0, 1] * 50)
    ours = {"workers": 0, "data_dir": tmp_path / "data", "artifacts": str(tmp_path / "artifacts")}
    with TestClient(create_app(settings.model_copy(update=ours))) as client:
        yield client


def waiting(database: Database) -> int:
    with database.read() as connection:
        return int(connection.execute(text("SELECT count(*) FROM procrastinate_jobs")).scalar_one())


def test_each_run_of_a_submission_has_a_job(client: TestClient, database: Database) -> None:
    assert client.post("/experiments", json={"seeds": [0, 1, 2]}).status_code == 202
    assert waiting(database) == 3


def test_a_refused_submission_has_no_job(client: TestClient, database: Database) -> None:
    assert client.post("/experiments", json={"loss": "focale"}).status_code == 422
    assert waiting(database) == 0


def test_if_its_jobs_cannot_be_stored_nothing_is(client: TestClient, database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("ALTER TABLE procrastinate_jobs RENAME TO elsewhere"))
    answer = client.post("/experiments", json={})
    assert answer.status_code == 503
    assert client.get("/experiments").json()["items"] == []


def test_other_machines_have_the_data_set_when_the_response_comes(client: TestClient, tmp_path: Path) -> None:
    accepted = client.post("/experiments", json={"dataset": "mine"})
    assert accepted.status_code == 202
    spec = client.get(accepted.headers["Location"]).json()["spec"]
    elsewhere = DatasetRegistry(tmp_path / "elsewhere", BlobStore(str(tmp_path / "artifacts")))
    source = Folder(name="mine", sha256=spec["dataset"]["sha256"])
    assert len(elsewhere.load(source)) == 100


def test_a_pin_is_enough_on_a_replica_without_the_files(
    client: TestClient, settings: Settings, tmp_path: Path
) -> None:
    accepted = client.post("/experiments", json={"dataset": "mine"})
    pinned = client.get(accepted.headers["Location"]).json()["spec"]["dataset"]
    ours = {"workers": 0, "data_dir": tmp_path / "replica", "artifacts": str(tmp_path / "artifacts")}
    with TestClient(create_app(settings.model_copy(update=ours))) as replica:
        assert replica.post("/experiments", json={"dataset": pinned}).status_code == 202
        assert replica.post("/experiments", json={"dataset": "mine"}).status_code == 422
        assert len(replica.get("/experiments").json()["items"]) == 2


def test_if_the_data_set_cannot_be_shared_the_submission_is_refused(
    client: TestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise BlobStoreUnavailable

    monkeypatch.setattr(BlobStore, "put", away)
    answer = client.post("/experiments", json={"dataset": "mine"})
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/artifact-store-unavailable")
    assert answer.headers["Retry-After"] == "5"
    assert client.get("/experiments").json()["items"] == []
    assert client.post("/experiments", json={"dataset": "iris"}).status_code == 202
