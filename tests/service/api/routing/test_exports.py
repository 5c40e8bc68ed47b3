"""CSV and JSON lines come whole, from one moment, in bounded memory; JSON comes in pages, as before."""

import csv
import io
import json
import socket
import time
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest
from httpx2 import Client, RemoteProtocolError
from sqlalchemy import delete, event, insert, select, update

from service import launcher
from service.http.listening import bind
from service.settings import Settings
from service.store.database import Database
from service.store.engine.clock import now
from service.store.tables import EpochClasses, EpochMetrics, Experiment, Run
from tests.service.fake_worker import CONFUSION
from tests.service.live_server import Live, live

FIGURES = ("loss", "weighted_loss", "accuracy", "balanced_accuracy", "macro_f1", "mcc")
PARTS = ("train", "validation")

Key = tuple[int, int, str]


@pytest.fixture
def service(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    """A service for whose slow clients the kernel keeps little."""

    def with_little(host: str, port: int) -> socket.socket:
        listening = bind(host, port)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
        return listening

    monkeypatch.setattr(launcher, "bind", with_little)
    with live(settings) as service:
        yield service


def trained(service: Live, epochs: int, *seeds: int) -> int:
    """An experiment whose seeds have each done so many epochs, and still train."""
    experiment_id = service.fake_worker.submit(seeds=list(seeds or (0,)))
    for seed in seeds or (0,):
        service.fake_worker.claim()
        record(service.database, experiment_id, seed, range(1, epochs + 1))
    return experiment_id


def record(database: Database, experiment_id: int, seed: int, epochs: range) -> None:
    """Store epochs, as an agent would, but many at once."""
    mine = (Run.experiment_id == experiment_id, Run.seed == seed)
    with database.write() as connection:
        run_id = connection.scalars(select(Run.id).where(*mine)).one()
        keys: list[dict[str, Any]] = [
            {"run_id": run_id, "epoch": epoch, "split": split} for epoch, split in product(epochs, PARTS)
        ]
        metrics = [key | dict.fromkeys(FIGURES, key["epoch"] / 100_000) | {"rows": 200} for key in keys]
        connection.execute(insert(EpochMetrics).values(recorded_at=now()), metrics)
        figures = {"accuracy": [0.5, 0.25], "precision": [0.5, 0.25], "f1": [0.5, 0.25], "support": [180, 20]}
        classes = [key | figures | {"confusion": CONFUSION} for key in keys]
        connection.execute(insert(EpochClasses), classes)
        connection.execute(update(Run).where(*mine).values(epoch=epochs[-1], best_epoch=1))


def paged(client: Client, path: str) -> list[dict[str, Any]]:
    """All rows by JSON's pages."""
    rows: list[dict[str, Any]] = []
    link: str | None = path
    while link:
        page = client.get(link).json()
        rows += page["items"]
        link = page["next"] if page["items"] else None
    return rows


def cells(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [{key: "" if value is None else str(value) for key, value in row.items()} for row in rows]


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "path", ["metrics?", "metrics?split=train&", "classes?series=true&", "epochs?ids={ids}&"]
)
def test_all_rows_come_as_csv_and_as_json_lines(
    service: Live, path: str, record_property: Callable[[str, object], None]
) -> None:
    ids = [trained(service, 750), trained(service, 400, 3, 7)]
    inside = path.startswith("epochs")
    where = f"/{path.format(ids=f'{ids[0]},{ids[1]}')}" if inside else f"/experiments/{ids[0]}/{path}"
    expected = paged(service.client, where.rstrip("&?"))
    assert len(expected) == {"m": 1500, "c": 3000, "e": 1500 + 1600}[path[0]] / (2 if "train" in path else 1)
    table = service.client.get(f"{where}format=csv")
    assert list(csv.DictReader(io.StringIO(table.text))) == cells(expected)
    lines = service.client.get(f"{where}format=ndjson")
    assert [json.loads(line) for line in lines.text.splitlines()] == expected
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert table.headers["etag"] == lines.headers["etag"]
    for form in ("csv", "ndjson"):
        known = {"If-None-Match": table.headers["etag"]}
        assert service.client.get(f"{where}format={form}", headers=known).status_code == 304
    dialect = service.database.engine.dialect.name
    record_property(
        "shown", f"export of /{path} ({dialect}): {len(expected):,} rows of CSV and of NDJSON, all there"
    )


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_a_limit_that_is_given_is_kept_and_leads_on(service: Live, form: str) -> None:
    id_ = trained(service, 750)
    rows, link, pages = 0, f"/experiments/{id_}/metrics?format={form}&limit=400", 0
    while pages < 4:
        page = service.client.get(link)
        rows += len(page.text.splitlines()) - (form == "csv")
        link, pages = page.links["next"]["url"], pages + 1
    assert rows == 1500


def test_what_comes_after_an_export_of_a_running_experiment_is_a_link(service: Live) -> None:
    id_ = trained(service, 600, 3, 7)
    first = service.client.get(f"/experiments/{id_}/metrics?format=csv")
    record(service.database, id_, 7, range(601, 604))
    more = service.client.get(first.links["next"]["url"])
    read = [(int(row["seed"]), int(row["epoch"])) for row in csv.DictReader(io.StringIO(more.text))]
    assert read == [(7, epoch) for epoch in range(601, 604) for _ in PARTS]


class Reader:
    """A client that reads an export as slowly as it likes."""

    def __init__(self, client: Client, path: str) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(60)
        self.socket.connect((client.base_url.host, client.base_url.port))
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())

    def read(self, size: int | None = None) -> bytes:
        """So many bytes, or all."""
        got = b""
        while size is None or len(got) < size:
            if not (piece := self.socket.recv(65_536 if size is None else min(4096, size - len(got)))):
                break
            got += piece
        if size is None:
            self.socket.close()
        return got


def keys(text: str) -> list[Key]:
    return [(int(row["epoch"]), int(row["seed"]), row["split"]) for row in csv.DictReader(io.StringIO(text))]


def unchunked(answer: bytes) -> str:
    """The body of a chunked response."""
    rest, body = answer.partition(b"\r\n\r\n")[2], b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return body.decode()


@pytest.fixture
def pages(service: Live) -> Iterator[list[float]]:
    """When pages of rows were read."""
    reads: list[float] = []

    def note(*arguments: Any) -> None:
        if "epoch_metrics" in str(arguments[2]) and "SELECT" in str(arguments[2]):
            reads.append(time.monotonic())

    event.listen(service.database.engine, "before_cursor_execute", note)
    yield reads
    event.remove(service.database.engine, "before_cursor_execute", note)


def settled(pages: list[float]) -> int:
    """How many were read, once no more are."""
    while not pages or time.monotonic() - pages[-1] < 1:
        time.sleep(0.1)
    return len(pages)


def test_a_slow_client_gets_one_moment_and_holds_neither_a_transaction_nor_much_memory(
    service: Live, pages: list[float], record_property: Callable[[str, object], None]
) -> None:
    id_ = trained(service, 5000)
    path = f"/experiments/{id_}/metrics?format=csv"
    whole = service.client.get(path).text
    pages.clear()
    reader = Reader(service.client, path)
    begun = reader.read(10_000)
    waiting = settled(pages)
    assert service.database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    record(service.database, id_, 0, range(5001, 5601))
    text = unchunked(begun + reader.read())
    assert text == whole
    assert len(keys(text)) == 10_000
    record_property(
        "shown",
        f"export to a client that stops reading ({service.database.engine.dialect.name}): {waiting} of 10 pages read "
        f"({len(text) / 1e6:.1f} MB in all), no transaction open",
    )
    assert waiting < 10


def test_nothing_more_is_read_for_a_client_that_has_left(service: Live, pages: list[float]) -> None:
    id_ = trained(service, 5000)
    reader = Reader(service.client, f"/experiments/{id_}/metrics?format=ndjson")
    reader.read(10_000)
    reader.socket.close()
    assert settled(pages) < 10
    assert service.client.get("/ready").status_code == 200


@pytest.mark.sampled(1)
@pytest.mark.parametrize("what", ["the experiment is deleted", "the run goes back to a checkpoint"])
def test_an_export_whose_rows_are_gone_breaks_off_and_does_not_end(
    service: Live, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    id_ = trained(service, 5000)
    with service.client.stream("GET", f"/experiments/{id_}/metrics?format=csv") as answer:
        pieces = answer.iter_bytes(1000)
        assert next(pieces)
        with service.database.write() as connection:
            if "deleted" in what:
                connection.execute(delete(Experiment).where(Experiment.id == id_))
            else:
                connection.execute(update(Run).values(epoch=5))
        with pytest.raises(RemoteProtocolError):
            list(pieces)
    assert "deleted while it was sent" in caplog.text
