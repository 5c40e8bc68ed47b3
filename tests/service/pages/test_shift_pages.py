"""The pages about new rows: one batch, and a monitor with its batches."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.service.experiments.test_named_rows import Trained, as_csv
from tests.service.fake_worker import FakeWorker
from tests.workers.data.preprocessing.mixed_tables import mixed_table


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """The pages read what the API says."""
    return sqlite_url


def test_a_batch_and_a_monitor_have_pages(app: FastAPI, client: TestClient, fake_worker: FakeWorker) -> None:
    people = Trained(app, client, fake_worker)
    content = {"file": ("b.csv", as_csv(mixed_table(80, seed=3)))}
    form = {"format": "csv", "label": ""}
    alone = f"/ui/experiments/{people.id}/shift"
    assert "Compare with the validation rows" in client.get(alone).text
    shown = client.post(alone, data=form, files=content)
    assert "80 rows beside" in shown.text
    assert "Features that moved" in shown.text
    refused = client.post(alone, data=form, files={"file": ("b.csv", b"a,b\n1,2\n")})
    assert refused.status_code == 422
    assert "lacks the columns" in refused.text
    short = client.post(f"/ui/experiments/{people.id}/predict", data={"rows": "1,2"})
    assert (short.status_code, "Row 1: has 2 values" in short.text) == (422, True), short.text
    assert "No monitor yet" in client.get("/ui/monitors").text
    wrong = client.post("/ui/monitors", data={"experiment_id": "x", "name": "line <2>"})
    assert wrong.status_code == 422
    given = {"experiment_id": str(people.id), "name": "line <2>", "alpha": "0.01"}
    page = client.post("/ui/monitors", data=given)
    assert page.status_code == 200
    assert "line &lt;2&gt;" in page.text
    assert "at most 0.01" in page.text
    tested = client.post("/ui/monitors/1/batches", data={**form, "name": "Monday <1>"}, files=content)
    assert "Monday &lt;1&gt;, received" in tested.text
    assert str(tested.url).endswith("/ui/monitors/1/batches/1")
    assert "No alarm." in tested.text
    odd = client.post("/ui/monitors/1/batches", data=form, files={"file": ("b.csv", b"a,b\n1,2\n")})
    assert odd.status_code == 422
    assert "lacks the columns" in odd.text
    listed = client.get(f"/ui/monitors?experiment_id={people.id}").text
    assert "line &lt;2&gt;" in listed
    assert client.get("/ui/monitors/2").status_code == 404
