"""Deletion of uploads, on both databases: rows of experiments decide whether it is allowed."""

from fastapi.testclient import TestClient

from tests.service.datasets.test_uploads import OTHER, refused, upload
from tests.service.fake_worker import FakeWorker
from tests.upload_files import FLOWERS, MORE_FLOWERS


def test_an_upload_that_experiments_need_is_not_deleted(client: TestClient, fake_worker: FakeWorker) -> None:
    content = FLOWERS + MORE_FLOWERS
    upload(client, content)
    upload(client, content, name="copy")
    experiment = fake_worker.submit(dataset="flowers")
    upload(client, OTHER)  # a newer version does not free the older
    problem = refused(client.delete("/datasets/flowers"), 409, "dataset-in-use")
    assert f"experiment {experiment}." in problem["detail"]
    assert client.delete("/datasets/copy").status_code == 204
    client.post(f"/experiments/{experiment}/cancel")
    refused(client.delete("/datasets/flowers"), 409, "dataset-in-use")
    assert client.delete(f"/experiments/{experiment}").status_code == 204
    assert client.delete("/datasets/flowers").status_code == 204
    refused(client.delete("/datasets/flowers"), 404, "unknown-dataset")
    assert client.get("/datasets/flowers").status_code == 404
