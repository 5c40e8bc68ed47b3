"""Each way around the sealed rows that was ever found: what prevents it, or that it cannot be seen.

The data are three classes of 60 rows. A look covers the first 18 of them in the order by content.
"""

import io
import json
import random
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import Mock

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Row, delete, func, select, update

from service.experiments.row_records import complete_records
from service.settings import Settings
from service.store import exposures
from service.store.database import Database
from service.store.tables import DatasetRows, Exposure, LedgerEntry
from tests.service.experiments.training import train_seed
from tests.service.fake_worker import FakeWorker
from workers.data.registry import DatasetRegistry
from workers.spec import ExperimentSpec

SPEC = {"dataset": "mine", "model": {"hidden": [4]}, "training": {"epochs": 1}}
ROWS = [(i, i * i % 91, "xyz"[i % 3]) for i in range(180)]
"""No two rows are equal."""
SUBTRACTED = {"train": 0.7, "validation": 0.3, "test": 0}
SHARES = [
    {"train": 0.7, "validation": 0.19, "test": 0.11},
    {"train": 0.7, "validation": 0.201, "test": 0.099},
    {"train": 0.7, "validation": 0.21, "test": 0.09},
    {"train": 0.7, "validation": 0.1, "test": 0.2},
]
Train = Callable[..., int]
Upload = Callable[..., None]


@pytest.fixture
def upload(client: TestClient) -> Upload:
    """Upload rows as a data set, under a name."""

    def upload(name: str, rows: list[Any], header: str = "a,b,label") -> None:
        file = "\n".join([header, *(",".join(map(str, row)) for row in rows)])
        form = {"name": name, "format": "csv", "label": "label"}
        response = client.post("/datasets", data=form, files={"file": file.encode()})
        assert response.status_code == 201, response.text

    upload("mine", ROWS)
    return upload


@pytest.fixture
def train(app: FastAPI, upload: Upload, fake_worker: FakeWorker) -> Train:
    """Train an experiment on `mine` until it has succeeded, with other seeds each time, and return its id."""

    def train(**spec: Any) -> int:
        seed = next(seeds)
        experiment_id = fake_worker.submit(**(SPEC | spec), seeds=[seed])
        fake_worker.claim()
        train_seed(app, fake_worker, experiment_id, seed)
        return experiment_id

    seeds = iter(range(100))
    return train


def look(
    client: TestClient, experiment_id: int, status: int = 201, accept: list[str] | None = None
) -> dict[str, Any]:
    body = None if accept is None else {"accept": accept}
    response = client.post(f"/experiments/{experiment_id}/test-evaluations", json=body)
    assert response.status_code == status, response.text
    answer: dict[str, Any] = response.json()
    return answer


def uses(refused: dict[str, Any]) -> list[tuple[str, int, int, str]]:
    """What a refusal lists: each earlier use, with its rows, experiment and data set."""
    assert refused["type"] == "/problems/test-set-spent"
    values = [error["value"] for error in refused["errors"]]
    return [(use["kind"], use["rows"], use["experiment_id"], use["dataset"]) for use in values]


def split_of(app: FastAPI, fake_worker: FakeWorker, experiment_id: int) -> Any:
    """The rows of each part of an experiment."""
    spec = ExperimentSpec.model_validate(fake_worker.read(experiment_id)["spec"])
    return app.state.registry.split_rows(spec.dataset, spec.split)


def test_two_experiments_cannot_be_subtracted(
    app: FastAPI, client: TestClient, train: Train, fake_worker: FakeWorker
) -> None:
    """Formerly .7/.3/0 trained on the rows of .7/.2/.1, and validated on its validation and test rows together."""
    tested, whole = train(), train(split=SUBTRACTED)
    one, other = (split_of(app, fake_worker, each) for each in (tested, whole))
    assert set(one.train.tolist()) != set(other.train.tolist())
    assert set(one.test.tolist()) & set(other.train.tolist())
    assert uses(look(client, tested, 409)) == [("exposed", 18, whole, "mine")]


def test_an_accepted_look_says_what_was_accepted(client: TestClient, train: Train) -> None:
    tested, whole = train(), train(split=SUBTRACTED)
    said = look(client, tested, accept=["exposed"])
    assert (said["exposed_rows"], said["looked_at_rows"], said["rows"]) == (18, 0, 18)
    use = {"kind": "exposed", "rows": 18, "experiment_id": whole, "owner": "local", "dataset": "mine"}
    assert said["earlier_uses"] == [use | {"look": None}]
    assert said["accepted"] == ["exposed"]
    ledger = client.get(f"/experiments/{tested}/test-evaluations").json()
    assert ledger["items"] == [said]
    assert (ledger["exposed_rows"], ledger["exposed_by"]) == (18, said["earlier_uses"])


@pytest.mark.parametrize("shares", SHARES)
def test_another_share_of_the_test_has_the_same_ledger(
    client: TestClient, train: Train, shares: dict[str, float]
) -> None:
    first = train()
    look(client, first)
    other = train(split=shares)
    rows = round(180 * shares["test"])
    shared, more = min(rows, 18), max(rows - 18, 0)
    listed = [("looked_at", shared, first, "mine")]
    assert uses(look(client, other, 409)) == listed + ([("exposed", more, first, "mine")] if more else [])
    said = look(client, other, accept=["looked_at", "exposed"])
    assert (said["look"], said["looks"], said["looked_at_rows"], said["exposed_rows"]) == (2, 2, shared, more)
    assert client.get(f"/experiments/{first}/test-evaluations").json()["looks"] == 2


@pytest.mark.parametrize("split", [{"seed": 5}, {"stratify": False}, {"train": 0.5, "validation": 0.4}])
def test_nothing_else_in_the_split_moves_the_test_rows(
    client: TestClient, train: Train, split: dict[str, Any]
) -> None:
    first = train()
    look(client, first)
    assert uses(look(client, train(split=split), 409)) == [("looked_at", 18, first, "mine")]


SHUFFLED = random.Random(3).sample(ROWS, len(ROWS))
COPIES = {
    "another name": ROWS,
    "one row dropped": ROWS[1:],
    "shuffled": SHUFFLED,
    "half of the rows": SHUFFLED[:90],
    "some of the rows": SHUFFLED[:120] + [(i, i * i % 91, "xyz"[i % 3]) for i in range(500, 560)],
}


@pytest.mark.parametrize("rows", COPIES.values(), ids=COPIES)
def test_rows_are_recognised_under_another_name(
    client: TestClient, train: Train, upload: Upload, rows: list[Any]
) -> None:
    """A copy that was looked at, one that only holds rows back, and one that trains on all rows."""
    first = train()
    look(client, first)
    upload("copy", rows)
    copied = train(dataset="copy")
    listed = uses(look(client, copied, 409))
    assert ("looked_at", first, "mine") in [(kind, id_, name) for kind, _, id_, name in listed]
    whole = train(dataset="copy", split=SUBTRACTED)
    listed = uses(look(client, train(), 409, accept=["looked_at"]))
    kept = sum(row in rows for row in sealed(client, first))
    assert [("exposed", kept, whole, "copy")] == [use for use in listed if use[2] == whole]


def sealed(client: TestClient, experiment_id: int) -> list[Any]:
    """The rows that a look at an experiment covers."""
    state: Any = client.app.state  # type: ignore[attr-defined]
    spec = ExperimentSpec.model_validate(client.get(f"/experiments/{experiment_id}").json()["spec"])
    part = state.registry.test_part(spec.dataset, spec.split)
    return [(int(a), int(b), part.classes[k]) for (a, b), k in zip(part.features, part.labels, strict=True)]


@pytest.mark.parametrize(
    ("header", "changed"),
    [
        ("b,a,label", [(b, a, label) for a, b, label in ROWS]),
        ("a,b,label", [(2 * a, b, label) for a, b, label in ROWS]),
    ],
    ids=["columns reversed", "a column scaled"],
)
def test_changed_values_are_other_rows(
    client: TestClient, train: Train, upload: Upload, header: str, changed: list[Any]
) -> None:
    """It cannot be seen, and docs/sealed-test-set.md says so."""
    look(client, train())
    upload("changed", changed, header)
    assert look(client, train(dataset="changed"))["looked_at_rows"] == 0


def test_thinning_all_parts_opens_no_sealed_row(client: TestClient, train: Train) -> None:
    thinned = {"name": "mine", "imbalance": {"ratio": 5, "parts": "all"}}
    for seed in range(4):
        train(dataset=thinned, split={"seed": seed})
    said = look(client, train())
    assert (said["exposed_rows"], said["looked_at_rows"]) == (0, 0)
    assert {use[0] for use in uses(look(client, train(dataset=thinned), 409))} == {"looked_at"}


def test_cross_validation_exposes_the_open_rows_of_all_folds(
    client: TestClient, train: Train, fake_worker: FakeWorker
) -> None:
    tested, larger = train(), train(split=SHARES[-1])
    folds = fake_worker.submit(**SPEC, split={"name": "cross_validation", "folds": 3, "test": 0.1})
    fake_worker.claim()
    assert look(client, tested)["exposed_rows"] == 0
    listed = uses(look(client, larger, 409))
    assert ("exposed", 18, folds, "mine") in listed


def test_version_1_exposes_rows_too(client: TestClient, train: Train) -> None:
    old = train(split={"version": 1})
    (use,) = uses(look(client, train(), 409))
    assert (use[0], use[2]) == ("exposed", old)


def test_an_experiment_exposes_rows_from_its_start_and_beyond_its_deletion(
    client: TestClient, train: Train, fake_worker: FakeWorker, database: Database
) -> None:
    tested = train()
    queued = fake_worker.submit(**SPEC, split=SUBTRACTED)
    address = f"/experiments/{tested}/test-evaluations"
    before = client.get(address)
    assert before.json()["exposed_rows"] == 0
    fake_worker.claim()
    after = client.get(address, headers={"If-None-Match": before.headers["etag"]})
    assert [use["experiment_id"] for use in after.json()["exposed_by"]] == [queued]
    fake_worker.finish(queued, "failed")
    assert client.delete(f"/experiments/{queued}").status_code == 204
    assert uses(look(client, tested, 409)) == [("exposed", 18, queued, "mine")]


def test_an_experiment_that_never_started_exposes_nothing(
    client: TestClient, train: Train, fake_worker: FakeWorker, database: Database
) -> None:
    tested, cancelled = train(), fake_worker.submit(**SPEC, split=SUBTRACTED)
    assert client.post(f"/experiments/{cancelled}/cancel").status_code == 202
    assert client.delete(f"/experiments/{cancelled}").status_code == 204
    with database.read() as connection:
        assert connection.scalars(select(Exposure.experiment_id)).all() == [tested]
    look(client, tested)


def test_the_same_models_get_their_answer_again_whatever_happened_since(
    client: TestClient, train: Train
) -> None:
    tested = train()
    said = look(client, tested)
    train(split=SUBTRACTED)
    again = look(client, tested, 200)
    assert again == said
    assert again["exposed_rows"] == 0


def test_each_use_is_accepted_by_itself_and_a_strict_budget_by_nothing(
    app: FastAPI, client: TestClient, train: Train, settings: Settings
) -> None:
    look(client, train())
    train(split=SUBTRACTED)
    second = train()
    assert {use[0] for use in uses(look(client, second, 409))} == {"exposed", "looked_at"}
    assert {use[0] for use in uses(look(client, second, 409, accept=["exposed"]))} == {"looked_at"}
    assert {use[0] for use in uses(look(client, second, 409, accept=["looked_at"]))} == {"exposed"}
    app.state.settings = settings.model_copy(update={"test_strict": True})
    assert {use[0] for use in uses(look(client, second, 409, accept=["exposed", "looked_at"]))} == {
        "looked_at"
    }
    app.state.settings = settings.model_copy(update={"test_budget": 2, "test_strict": True})
    assert look(client, second, accept=["exposed"])["look"] == 2
    app.state.settings = settings.model_copy(update={"test_budget": 0})
    look(client, train(), 409, accept=["exposed", "looked_at"])


def test_a_ladder_answers_for_one_test_set(
    app: FastAPI, client: TestClient, train: Train, settings: Settings
) -> None:
    """Its promise holds for looks at the same rows: another share would start another ladder."""
    app.state.settings = settings.model_copy(update={"test_ladder": True})
    first = train()
    look(client, first)
    assert look(client, train())["look"] == 2
    other = train(split={"train": 0.7, "validation": 0.21, "test": 0.09})
    assert {use[:2] for use in uses(look(client, other, 409))} == {("looked_at", 16)}
    assert look(client, other, accept=["looked_at"])["look"] == 3


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 201),
        ({"accept": []}, 201),
        ({"accept": ["everything"]}, 422),
        ({"acccept": ["exposed"]}, 422),
        ([], 422),
    ],
)
def test_the_body_may_be_left_out_or_accept_what_there_is(
    client: TestClient, train: Train, body: Any, status: int
) -> None:
    response = client.post(f"/experiments/{train()}/test-evaluations", json=body)
    assert response.status_code == status, response.text


def test_of_concurrent_looks_at_parts_that_share_rows_one_is_answered(
    client: TestClient, train: Train, database: Database
) -> None:
    ids = [train(split={"train": 0.8, "validation": 0.2 - test, "test": test}) for test in (0.05, 0.1, 0.15)]

    def ask(experiment_id: int) -> int:
        address = f"/experiments/{experiment_id}/test-evaluations"
        return client.post(address, json={"accept": ["exposed"]}).status_code

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(ask, ids + ids))
    assert answers.count(201) == 1
    assert answers.count(200) == 1
    assert answers.count(409) == 4
    with database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(LedgerEntry)) == 1


def test_a_look_without_an_answer_counts(client: TestClient, train: Train, database: Database) -> None:
    """As if the service had been killed between the entry and the answer."""
    first = train()
    look(client, first)
    with database.write() as connection:
        connection.execute(update(LedgerEntry).values(answer=None, losses=None))
    assert uses(look(client, train(split=SHARES[1]), 409)) == [("looked_at", 18, first, "mine")]
    look(client, first, 200)


def test_what_older_versions_did_not_record_is_computed(
    client: TestClient, train: Train, database: Database
) -> None:
    first = train()
    look(client, first)
    whole, gone = train(split=SUBTRACTED), train(split=SUBTRACTED)
    with database.write() as connection:
        connection.execute(delete(Exposure))
        connection.execute(update(LedgerEntry).values(digests=None, classes=None, majority_accuracy=None))
    assert client.delete(f"/experiments/{gone}").status_code == 204
    listed = uses(look(client, train(split=SHARES[1]), 409))
    expected = [("looked_at", 18, first, "mine")]
    assert listed == [*expected, ("exposed", 18, whole, "mine"), ("exposed", 18, gone, "mine")]
    with database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(DatasetRows)) == 1


def test_what_many_experiments_lack_is_recorded_at_once(
    app: FastAPI, train: Train, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of ten thousand that lacked it, one by one, no look was answered: to record them took all of its time."""
    ids = [train(), train(), train(split=SUBTRACTED)]
    stored = recorded(database)
    assert [each.experiment_id for each in stored] == ids
    with database.write() as connection:
        connection.execute(delete(Exposure))
    registry: DatasetRegistry = app.state.registry
    record, read = Mock(wraps=exposures.record), Mock(wraps=registry.exposed_rows)
    monkeypatch.setattr(exposures, "record", record)
    monkeypatch.setattr(registry, "exposed_rows", read)
    for _ in range(2):
        complete_records(database, registry)
        assert recorded(database) == stored
        assert (record.call_count, read.call_count) == (1, 2)


def test_rows_that_are_recorded_meanwhile_are_recorded_once(
    app: FastAPI, train: Train, database: Database
) -> None:
    """As another transaction may do it on PostgreSQL; here the same experiment comes twice."""
    experiment_id, later = train(), train()
    stored = recorded(database)
    source, split = ExperimentSpec.model_validate(SPEC).dataset, ExperimentSpec.model_validate(SPEC).split
    exposed = app.state.registry.exposed_rows(source, split)
    mine = exposures.NewExposure(experiment_id, "mine", stored[0].owner, exposed)
    with database.write() as connection:
        connection.execute(delete(Exposure))
        exposures.record(connection, [mine, mine._replace(experiment_id=later), mine])
    assert recorded(database) == stored


def recorded(database: Database) -> list[Row[Any]]:
    """The records of all experiments."""
    with database.read() as connection:
        return list(connection.execute(select(*Exposure.__table__.columns).order_by(Exposure.experiment_id)))


def test_no_other_response_tells_anything_about_the_test_rows(client: TestClient, train: Train) -> None:
    """Whatever is read before a look is of training and validation: rows, curves, tables, bundle, comparison."""
    tested, other = train(split={"seed": 1}), train()
    here = f"/experiments/{tested}"
    paths = ["", "/metrics", "/classes?series=true", "/confusion", "/events", "/metrics?format=csv"]
    paths += ["/metrics?format=ndjson", "/classes?format=csv"]
    texts = [client.get(here + path) for path in paths]
    texts += [client.get("/experiments"), client.get(f"/comparisons?ids={tested},{other}")]
    bundle = zipfile.ZipFile(io.BytesIO(client.get(f"{here}/bundle").content))
    read = [bundle.read(name).decode(errors="replace") for name in bundle.namelist() if "." in name]
    for response in texts:
        assert response.status_code == 200, response.text
        read.append(response.text)
    for text in read:
        assert '"split":"test"' not in text.replace(" ", "")
        assert ",test," not in text
    for path in ("/metrics", "/classes", "/confusion"):
        assert client.get(f"{here}{path}?split=test").status_code == 422
    assert json.loads(texts[0].text)["plan"]["split_counts"]["test"] == [6, 6, 6]
