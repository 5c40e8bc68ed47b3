"""Rows as JSON, JSON lines and CSV, thinned curves, and several experiments in one call."""

import csv
import io
import json
import random
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select

from service.schemas.csv import FORMULA, csv_table
from service.schemas.epochs import ClassRow
from service.store.database import Database
from service.store.engine.clock import now
from service.store.tables import EpochMetrics, Run
from tests.service.fake_worker import CONFUSION, FakeWorker

PATHS = ("/experiments/{id}/metrics", "/experiments/{id}/classes")

Rows = list[dict[str, Any]]


def trained(fake_worker: FakeWorker, *seeds: int, epochs: int = 2) -> int:
    """An experiment whose seeds have each done some epochs."""
    experiment_id = fake_worker.submit(seeds=list(seeds))
    for _ in seeds:
        fake_worker.claim()
    for seed in seeds:
        for number in range(1, epochs + 1):
            fake_worker.epoch(experiment_id, number, CONFUSION, seed=seed)
    return experiment_id


def items(client: TestClient, path: str, **query: Any) -> Rows:
    response = client.get(path, params=query)
    assert response.status_code == 200, response.text
    rows: Rows = response.json()["items"]
    return rows


@pytest.mark.parametrize("path", ["metrics", "classes"])
def test_json_lines_and_csv_have_the_rows_of_json(
    client: TestClient, fake_worker: FakeWorker, path: str
) -> None:
    where = f"/experiments/{trained(fake_worker, 3, 7)}/{path}"
    expected = items(client, where)
    lines = client.get(where, params={"format": "ndjson"})
    assert lines.headers["content-type"] == "application/x-ndjson; charset=utf-8"
    assert [json.loads(line) for line in lines.text.splitlines()] == expected
    table = client.get(where, params={"format": "csv"})
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert table.headers["etag"] == lines.headers["etag"]
    read = list(csv.DictReader(io.StringIO(table.text)))
    assert [list(row) for row in read] == [list(row) for row in expected]
    written = [{key: "" if value is None else str(value) for key, value in row.items()} for row in expected]
    assert read == written


def test_a_table_without_rows_has_its_header(client: TestClient, fake_worker: FakeWorker) -> None:
    path = f"/experiments/{fake_worker.submit()}/classes"
    assert client.get(path, params={"format": "csv"}).text.startswith(
        "class,index,split,seed,epoch,accuracy,"
    )
    assert client.get(path, params={"format": "ndjson"}).text == ""


@given(
    st.text() | st.sampled_from(["=1+1", "+1", "-1", "@A1", "\t=1", "\r=1", '=cmd|" /C calc"!A0', "a,b", '"'])
)
def test_no_cell_of_text_is_a_formula(name: str) -> None:
    figures = {"accuracy": -0.5, "accuracy_low": None, "accuracy_high": None, "precision": None, "f1": None}
    figures |= dict.fromkeys(("specificity", "mae", "rmse", "bias"))
    row = ClassRow(class_=name, index=0, split="train", seed=0, epoch=1, support=9, drawn=9, **figures)
    _, cells = csv.reader(io.StringIO(csv_table(ClassRow, [row]), newline=""))
    assert not cells[0].startswith(FORMULA)
    assert cells[0].removeprefix("'") == name.removeprefix("'")
    assert cells[5] == "-0.5"  # a number is no formula


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    "path", ["/experiments", "/experiments/{id}/metrics", "/experiments/{id}/classes", "/epochs"]
)
def test_a_header_links_to_the_next_page(client: TestClient, fake_worker: FakeWorker, path: str) -> None:
    ids = [trained(fake_worker, 0), trained(fake_worker, 0)]
    query = {"limit": 1} | ({"ids": f"{ids[0]},{ids[1]}"} if path == "/epochs" else {})
    response = client.get(path.format(id=ids[0]), params=query)
    following = response.json()["next"]
    assert response.headers["link"] == f'<{following}>; rel="next"'
    assert response.links["next"]["url"] == following
    assert client.get(following).json()["items"] != response.json()["items"]


def test_the_last_page_has_no_such_header(client: TestClient, fake_worker: FakeWorker) -> None:
    trained(fake_worker, 0)
    assert "link" not in client.get("/experiments").headers


def draw(database: Database, experiment_id: int, seed: int, losses: list[float | None]) -> None:
    """A curve of losses, epoch by epoch; everything else is zero."""
    columns = ("weighted_loss", "accuracy", "balanced_accuracy", "macro_f1", "mcc")
    with database.write() as connection:
        mine = select(Run.id).where(Run.experiment_id == experiment_id, Run.seed == seed)
        run_id = connection.scalars(mine).one()
        rows = [
            {"run_id": run_id, "epoch": epoch, "split": split, "rows": 1, "nll": loss, "loss": loss or 0.0}
            | dict.fromkeys(columns, 0.0)
            for epoch, loss in enumerate(losses, start=1)
            for split in ("train", "validation")
        ]
        connection.execute(insert(EpochMetrics).values(recorded_at=now()), rows)


def test_a_thinned_curve_keeps_its_ends_and_extremes(
    client: TestClient, fake_worker: FakeWorker, database: Database
) -> None:
    experiment_id = fake_worker.submit(seeds=[0, 1, 2])
    chance = random.Random(0)
    lengths = {0: 500, 1: 37, 2: 12}
    for seed, length in lengths.items():
        draw(database, experiment_id, seed, [chance.random() for _ in range(length)])
    path = f"/experiments/{experiment_id}/metrics"
    every = items(client, path, limit=10_000)
    for points in (4, 5, 12, 40, 499):
        thinned = items(client, path, max_points=points)
        assert thinned == [row for row in every if row in thinned]
        for seed, length in lengths.items():
            for split in ("train", "validation"):
                curve = [row for row in every if (row["seed"], row["split"]) == (seed, split)]
                kept = [row for row in thinned if (row["seed"], row["split"]) == (seed, split)]
                assert len(kept) == length if length <= points else len(kept) <= points
                extremes = [min(curve, key=lambda r: r["loss"]), max(curve, key=lambda r: r["loss"])]
                for row in (curve[0], curve[-1], *extremes):
                    assert row in kept


def test_the_extremes_are_those_of_the_chosen_metric(
    client: TestClient, fake_worker: FakeWorker, database: Database
) -> None:
    experiment_id = fake_worker.submit()
    draw(database, experiment_id, 0, [None, 0.5, 0.1, None, 0.9, 0.3, None, 0.2])
    path = f"/experiments/{experiment_id}/metrics"
    kept = items(client, path, max_points=4, metric="nll", split="train")
    assert [row["epoch"] for row in kept] == [1, 3, 5, 8]


def test_a_thinned_curve_can_be_followed(client: TestClient, fake_worker: FakeWorker) -> None:
    experiment_id = trained(fake_worker, 0, epochs=7)
    page = client.get(f"/experiments/{experiment_id}/metrics?max_points=4").json()
    fake_worker.epoch(experiment_id, 8, CONFUSION)
    assert {row["epoch"] for row in client.get(page["next"]).json()["items"]} == {8}


def test_pages_and_points_exclude_each_other(client: TestClient, fake_worker: FakeWorker) -> None:
    path = f"/experiments/{fake_worker.submit()}/metrics"
    assert client.get(path, params={"max_points": 9, "limit": 1000}).status_code == 200
    refused = client.get(path, params={"max_points": 9, "limit": 9}).json()
    assert (refused["type"], refused["errors"][0]["path"]) == ("/problems/invalid-parameter", "limit")


def test_several_experiments_are_read_in_one_call(client: TestClient, fake_worker: FakeWorker) -> None:
    ids = [trained(fake_worker, 0, 1), trained(fake_worker, 5), fake_worker.submit()]
    expected = [
        row | {"experiment_id": id_} for id_ in ids for row in items(client, f"/experiments/{id_}/metrics")
    ]
    asked = ",".join(map(str, [*reversed(ids), ids[0]]))
    assert items(client, "/epochs", ids=asked) == expected
    path: str | None = f"/epochs?ids={asked}&limit=3"
    read: Rows = []
    while path:
        page = client.get(path).json()
        read, path = read + page["items"], page["next"]
    assert read == expected
    chosen = items(client, "/epochs", ids=asked, split="train", after_epoch=1)
    assert chosen == [row for row in expected if row["split"] == "train" and row["epoch"] > 1]
    table = client.get("/epochs", params={"ids": asked, "format": "csv"})
    assert len(list(csv.reader(io.StringIO(table.text)))) == 1 + len(expected)
    tag = {"If-None-Match": table.headers["etag"]}
    assert client.get("/epochs", params={"ids": asked, "format": "csv"}, headers=tag).status_code == 304


def test_each_of_several_experiments_is_thinned_separately(
    client: TestClient, fake_worker: FakeWorker, database: Database
) -> None:
    ids = [fake_worker.submit(), fake_worker.submit()]
    for id_, length in zip(ids, (100, 5), strict=True):
        draw(database, id_, 0, [float(epoch) for epoch in range(length)])
    rows = items(client, "/epochs", ids=",".join(map(str, ids)), split="train", max_points=10)
    assert [row["epoch"] for row in rows if row["experiment_id"] == ids[1]] == [1, 2, 3, 4, 5]
    long = [row["epoch"] for row in rows if row["experiment_id"] == ids[0]]
    assert (long[0], long[-1]) == (1, 100)
    assert 5 < len(long) <= 10


@pytest.mark.sampled(10)
@pytest.mark.parametrize(
    "ids", ["", "0", "1,", ",1", "a", "1;2", "-1", "1 2", ",".join(["1"] * 101), "9" * 19]
)
def test_the_ids_are_up_to_a_hundred_numbers(client: TestClient, ids: str) -> None:
    assert client.get("/epochs", params={"ids": ids}).json()["errors"][0]["path"] == "ids"


def test_an_unknown_experiment_among_several_is_404(client: TestClient, fake_worker: FakeWorker) -> None:
    response = client.get("/epochs", params={"ids": f"{fake_worker.submit()},987654321"})
    assert response.json()["type"] == "/problems/unknown-experiment"
    assert "987654321" in response.json()["detail"]
