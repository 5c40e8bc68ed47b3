"""A request that is sent again, because its answer was lost, makes no second experiment."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import func, select, update

from service.settings import Settings
from service.store import idempotency_keys
from service.store.database import Database
from service.store.engine.clock import now
from service.store.tables import Experiment, IdempotencyKey, Run
from tests.service.fake_worker import FakeWorker
from tests.service.live_server import live

SPEC = {"dataset": "iris", "seeds": [0, 1]}


def post(client: TestClient, key: str, spec: object = None) -> Response:
    return client.post("/experiments", json=spec or SPEC, headers={"Idempotency-Key": key})


def count(database: Database, table: type[Experiment | Run | IdempotencyKey]) -> int:
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def test_fifty_at_once_with_one_key_make_one_experiment(client: TestClient, database: Database) -> None:
    with ThreadPoolExecutor(50) as clients:
        answers = list(clients.map(lambda _: post(client, "nightly"), range(50)))
    assert {each.status_code for each in answers} == {202}
    assert len({each.text for each in answers}) == 1
    assert len({each.headers["location"] for each in answers}) == 1
    assert (count(database, Experiment), count(database, Run)) == (1, 2)


def test_who_hangs_up_before_the_answer_and_asks_again_gets_the_same_experiment(settings: Settings) -> None:
    spec = json.dumps(SPEC).encode()
    head = f"POST /experiments HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(spec)}\r\n".encode()
    head += b"Content-Type: application/json\r\nIdempotency-Key: nightly\r\n\r\n"
    with live(settings) as service:
        for _ in range(3):
            address = (service.client.base_url.host, service.client.base_url.port)
            with socket.create_connection(address, timeout=10) as connection:
                connection.sendall(head + spec)
        answers = [
            service.client.post("/experiments", json=SPEC, headers={"Idempotency-Key": "nightly"})
            for _ in range(2)
        ]
        assert {each.status_code for each in answers} == {202}
        assert len({each.json()["id"] for each in answers}) == 1
        assert (count(service.database, Experiment), count(service.database, Run)) == (1, 2)


def test_a_repetition_finds_its_experiment_whatever_has_become_of_it(
    client: TestClient, fake_worker: FakeWorker
) -> None:
    first = post(client, "a").json()
    client.post(f"/experiments/{first['id']}/cancel")
    again = post(client, "a").json()
    assert again == first | {"status": "cancelled"}


def test_the_same_spec_in_other_words_is_the_same_request(client: TestClient, database: Database) -> None:
    post(client, "a", {"loss": "focal", "dataset": "iris"})
    reworded = {"dataset": {"name": "iris"}, "loss": {"name": "focal", "gamma": 2.0}}
    assert post(client, "a", reworded).status_code == 202
    assert count(database, Experiment) == 1


def test_a_key_belongs_to_one_request(client: TestClient, database: Database) -> None:
    post(client, "a")
    refused = post(client, "a", {"dataset": "wine"})
    assert refused.status_code == 422
    assert refused.json()["type"] == "/problems/idempotency-key-reused"
    assert count(database, Experiment) == 1


def test_other_keys_and_no_key_make_other_experiments(client: TestClient, database: Database) -> None:
    for key in ("a", "b"):
        post(client, key)
    for _ in range(2):
        client.post("/experiments", json=SPEC)
    assert count(database, Experiment) == 4


def test_owners_do_not_meet_in_a_key(database: Database) -> None:
    with database.write() as connection:
        for owner in ("one", "two"):
            assert idempotency_keys.take(connection, idempotency_keys.KeyedRequest(owner, "a", "0")) is None


def test_a_refused_request_leaves_its_key_free(client: TestClient, database: Database) -> None:
    assert post(client, "a", {"dataset": "imagenet"}).status_code == 422
    assert post(client, "a").status_code == 202
    assert count(database, IdempotencyKey) == 1


def test_keys_are_forgotten_after_a_day(client: TestClient, database: Database) -> None:
    first = post(client, "a").json()["id"]
    with database.write() as connection:
        aged = now() - idempotency_keys.RETENTION_SECONDS - 1
        connection.execute(update(IdempotencyKey).values(created_at=aged))
    assert post(client, "b").json()["id"] != first
    assert count(database, IdempotencyKey) == 1
    assert post(client, "a").json()["id"] != first


def test_a_key_goes_with_its_experiment(client: TestClient, database: Database) -> None:
    first = post(client, "a").json()["id"]
    client.post(f"/experiments/{first}/cancel")
    assert client.delete(f"/experiments/{first}").status_code == 204
    assert count(database, IdempotencyKey) == 0


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "\xff"])
def test_a_key_is_short_and_printable(client: TestClient, key: str) -> None:
    response = client.post("/experiments", json=SPEC, headers=[(b"idempotency-key", key.encode("latin-1"))])
    assert response.status_code == 422
    assert response.json()["errors"][0]["path"] == "idempotency-key"
