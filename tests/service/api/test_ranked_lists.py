"""The list of experiments in the order of a metric, with conditions, as CSV; and the changes of names and notes."""

import csv
import io
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from service.store import spec_values
from service.store.database import Database
from tests.service.fake_worker import CONFUSION, FakeWorker

Matrix = list[list[int]]
WORSE: Matrix = [[160, 20], [10, 10]]


def finished(fake_worker: FakeWorker, *matrices: Matrix, **spec: Any) -> int:
    """An experiment whose seeds have these confusion matrices."""
    id_ = fake_worker.submit(seeds=list(range(len(matrices))), training={"epochs": 1}, **spec)
    for _ in matrices:
        _, seed = fake_worker.claim()
        fake_worker.epoch(id_, 1, matrices[seed], seed=seed)
        fake_worker.finish(id_, "succeeded", seed=seed)
    return id_


@pytest.fixture
def three(fake_worker: FakeWorker) -> list[int]:
    """The best, the worst, and the one between them: the mean of a good and a bad seed."""
    return [
        finished(fake_worker, CONFUSION, name="best", optimizer={"name": "adam", "learning_rate": 0.01}),
        finished(fake_worker, WORSE, name="worst", loss="focal"),
        finished(fake_worker, CONFUSION, WORSE, name="between", optimizer="sgd"),
    ]


def ids(client: TestClient, **query: Any) -> list[int]:
    response = client.get("/experiments", params=query)
    assert response.status_code == 200, response.text
    return [each["id"] for each in response.json()["items"]]


def test_a_list_is_ranked_by_what_the_summaries_say(
    client: TestClient, fake_worker: FakeWorker, three: list[int]
) -> None:
    best, worst, between = three
    queued = fake_worker.submit()
    assert ids(client, sort="-balanced_accuracy") == [best, between, worst, queued]
    assert ids(client, sort="balanced_accuracy") == [worst, between, best, queued]
    rows = client.get("/experiments", params={"fields": "loss,mcc", "sort": "-balanced_accuracy"}).json()[
        "items"
    ]
    for row in rows[:3]:
        means = fake_worker.read(row["id"])["summary"]["metrics"]
        assert row["metrics"] == {
            name: pytest.approx(means[name]["mean"], rel=1e-15)
            for name in ("loss", "mcc", "balanced_accuracy")
        }
    assert set(rows[3]["metrics"].values()) == {None}


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "sort", ["-balanced_accuracy", "balanced_accuracy", "name", "-created_at", "finished_at"]
)
def test_pages_follow_each_other_across_equal_and_missing_values(
    client: TestClient, fake_worker: FakeWorker, three: list[int], sort: str
) -> None:
    finished(fake_worker, CONFUSION, name="best")
    fake_worker.submit(name="queued")
    fake_worker.submit(name="queued")
    whole = ids(client, sort=sort)
    assert len(whole) == 6
    found, path = [], f"/experiments?sort={sort}&limit=1"
    while path:
        page = client.get(path).json()
        found += [each["id"] for each in page["items"]]
        path = page["next"]
    assert found == whole


def test_a_cursor_belongs_to_its_order(client: TestClient, three: list[int]) -> None:
    following = client.get("/experiments?sort=-mcc&limit=1").json()["next"]
    assert client.get(following).status_code == 200
    for other in ("loss", "id"):
        assert client.get(following.replace("sort=-mcc", f"sort={other}")).status_code == 422


def test_a_retry_takes_the_values_back_until_the_next_end(
    client: TestClient, fake_worker: FakeWorker
) -> None:
    id_ = fake_worker.submit(seeds=[0, 1], training={"epochs": 1})
    for _ in range(2):
        _, seed = fake_worker.claim()
        fake_worker.epoch(id_, 1, CONFUSION, seed=seed)
        fake_worker.finish(id_, "succeeded" if seed == 0 else "cancelled", seed=seed)
    where = {"where": "accuracy>=0"}
    assert ids(client, **where) == [id_]
    assert client.post(f"/experiments/{id_}/retry").status_code == 202
    assert ids(client, **where) == []


def test_conditions_concern_metrics_and_fields_of_the_spec(client: TestClient, three: list[int]) -> None:
    best, worst, between = three
    assert ids(client, where="balanced_accuracy>=0.8", sort="id") == [best]
    assert ids(client, where="spec.optimizer.name=sgd") == [between]
    assert ids(client, where="spec.optimizer.learning_rate=1e-2,spec.optimizer.name=adam") == [best]
    assert ids(client, where="spec.optimizer.learning_rate>0.005,accuracy<0.9") == [between]
    assert ids(client, where="spec.loss.gamma>=1") == [worst]
    assert ids(client, where="spec.split.stratify=true", sort="id") == three
    assert ids(client, where="spec.training.early_stopping=null", sort="id") == three
    assert ids(client, where="spec.model.activation>=1") == []
    assert ids(client, where="spec.loss=focal") == [worst]
    assert ids(client, where="spec.loss!=focal", sort="id") == [best, between]
    assert ids(client, where="spec.loss.gamma=null", sort="id") == [best, between]
    assert ids(client, where="spec.loss.gamma!=null") == [worst]
    assert ids(client, where="spec.seeds=[0,1]") == [between]
    assert ids(client, where="spec.name=worst,spec.priority<1") == [worst]
    assert client.patch(f"/experiments/{worst}", json={"name": "last"}).status_code == 200
    assert ids(client, where="spec.name=worst") == []
    assert ids(client, where="spec.name=last") == [worst]


@pytest.mark.sampled(4)
@pytest.mark.parametrize("sort", ["id", "-id", "-balanced_accuracy", "name"])
@pytest.mark.parametrize(
    "where", ["spec.optimizer=adam", "spec.priority<1,spec.optimizer=adam", "spec.loss.gamma=null,accuracy>0"]
)
def test_conditions_that_few_or_many_experiments_meet_select_the_same(
    client: TestClient, three: list[int], monkeypatch: pytest.MonkeyPatch, sort: str, where: str
) -> None:
    few = ids(client, where=where, sort=sort)
    assert len(few) == 2
    monkeypatch.setattr(spec_values, "FEW", 0)
    path, many = f"/experiments?limit=1&sort={sort}&where={quote(where)}", []
    while path:
        page = client.get(path).json()
        many += [each["id"] for each in page["items"]]
        path = page["next"]
    assert many == few


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"where": "balanced_acuracy>=0.8"}, "did you mean 'balanced_accuracy'"),
        ({"where": "spec.optimizer.learnin_rate=1"}, "did you mean 'spec.optimizer.learning_rate'"),
        ({"where": "accuracy>=good"}, "compare it with a number"),
        ({"where": "accuracy=good"}, "compare it with a number"),
        ({"where": "spec.loss.name>=focal"}, "compares numbers"),
        ({"where": "focal"}, "should be conditions such as"),
        ({"fields": "f1"}, "did you mean 'macro_f1'"),
        ({"sort": "-balanced_acuracy"}, "balanced_accuracy"),
    ],
)
def test_what_does_not_exist_is_refused_with_the_nearest_name(
    client: TestClient, query: dict[str, str], message: str
) -> None:
    response = client.get("/experiments", params=query)
    assert response.status_code == 422
    assert message in response.json()["errors"][0]["message"]


def test_a_csv_has_a_column_for_each_metric(client: TestClient, three: list[int]) -> None:
    response = client.get(
        "/experiments", params={"format": "csv", "fields": "mcc", "sort": "-mcc", "limit": 2}
    )
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'rel="next"' in response.headers["link"]
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert [row["name"] for row in rows] == ["best", "between"]
    assert rows[1]["seeds"] == "0 1"
    assert float(rows[0]["metrics.mcc"]) > float(rows[1]["metrics.mcc"])


def test_name_tags_and_note_can_be_changed(client: TestClient, fake_worker: FakeWorker) -> None:
    id_ = fake_worker.submit(name="first", tags=["old"])
    before = client.get(f"/experiments/{id_}")
    edit = {"name": "second", "tags": ["b", "a"], "note": "It was a try."}
    edited = client.patch(f"/experiments/{id_}", json=edit)
    assert edited.status_code == 200, edited.text
    after = client.get(f"/experiments/{id_}", headers={"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200
    for answer in (edited.json(), after.json()):
        assert (answer["name"], answer["tags"], answer["note"]) == ("second", ["a", "b"], "It was a try.")
    assert after.json()["spec"]["name"] == "second"
    assert after.json()["spec_hash"] == before.json()["spec_hash"]
    assert ids(client, tag="old") == []
    client.patch(f"/experiments/{id_}", json={"note": ""})
    assert fake_worker.read(id_)["name"] == "second"
    assert ids(client, tag="a") == [id_]


def test_what_cannot_be_changed_is_refused(client: TestClient, fake_worker: FakeWorker) -> None:
    id_ = fake_worker.submit()
    response = client.patch(f"/experiments/{id_}", json={"priority": 3, "tags": ["not a tag"]})
    assert response.status_code == 422
    assert {each["path"].partition("[")[0] for each in response.json()["errors"]} == {"priority", "tags"}
    assert client.patch("/experiments/99", json={}).status_code == 404


def test_the_cost_of_a_page_does_not_grow(
    client: TestClient, fake_worker: FakeWorker, three: list[int], statements: list[str], database: Database
) -> None:
    ids(client, sort="-mcc", fields="accuracy")
    few = len(statements)
    for _ in range(3):
        fake_worker.submit()
    statements.clear()
    ids(client, sort="-mcc", fields="accuracy")
    assert len(statements) == few
