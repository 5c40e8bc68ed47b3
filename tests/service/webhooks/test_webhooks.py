"""Webhooks: every end of an experiment is delivered at least once, signed, and never to a private network."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from http.server import ThreadingHTTPServer
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import insert, select, update

from service.settings import Settings
from service.store import queue
from service.store.database import Database
from service.store.engine.clock import now
from service.store.tables import Delivery
from service.store.webhooks import outbox, webhooks
from service.webhooks import dispatcher
from tests.service.fake_worker import FakeWorker
from tests.service.webhooks.test_ssrf_protection import Receiver, receiver

__all__ = ["receiver"]

PAIR = {"dataset": {"name": "synthetic", "counts": [90, 30], "features": 2}}
JSON = dict[str, Any]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"webhooks_private": True})


@pytest.fixture(autouse=True)
def poll_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "POLL_SECONDS", 0.02)


def create(client: TestClient, receiver: ThreadingHTTPServer, path: str = "/200", **more: Any) -> JSON:
    url = f"http://127.0.0.1:{receiver.server_port}{path}"
    response = client.post("/webhooks", json={"url": url} | more)
    assert response.status_code == 201, response.text
    created: JSON = response.json()
    assert response.headers["location"] == f"/webhooks/{created['id']}"
    assert response.headers["cache-control"] == "no-store"
    return created


def deliveries(client: TestClient, webhook: JSON) -> list[JSON]:
    found: list[JSON] = client.get(f"/webhooks/{webhook['id']}").json()["deliveries"]
    return found


def wait(condition: Callable[[], Any], *, seconds: float = 10) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def end(fake_worker: FakeWorker, status: str = "succeeded") -> int:
    id_ = fake_worker.submit(**PAIR)
    fake_worker.claim()
    fake_worker.finish(id_, status)
    return id_


def test_the_end_of_an_experiment_is_sent_and_signed(
    fake_worker: FakeWorker, client: TestClient, receiver: ThreadingHTTPServer
) -> None:
    webhook = create(client, receiver, "/hook/204")
    id_ = end(fake_worker)
    wait(lambda: Receiver.received)
    ((path, headers, content),) = Receiver.received
    assert path == "/hook/204"
    message = json.loads(content)
    assert message["type"] == "experiment.succeeded"
    finished_at = fake_worker.read(id_)["finished_at"]
    assert datetime.fromisoformat(message["timestamp"]) == datetime.fromisoformat(finished_at)
    assert (message["data"]["id"], message["data"]["links"]["self"]) == (id_, f"/experiments/{id_}")
    key = base64.b64decode(webhook["secret"].removeprefix("whsec_"))
    assert len(key) == 32
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + content
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert abs(time.time() - int(headers["webhook-timestamp"])) < 10
    (delivery,) = wait(lambda: [d for d in deliveries(client, webhook) if d["state"] == "delivered"])
    assert (delivery["experiment_id"], delivery["attempts"], delivery["answer"]) == (id_, 1, "answered 204")
    assert delivery["next_attempt_at"] is None


def test_the_signature_is_that_of_the_standard() -> None:
    """The example in https://github.com/standard-webhooks, which all its libraries verify."""
    id_, secret = "p5jXN8AQM9LWM0D4loKWxJek", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    content = b'{"test": 2432232314}'
    original, dispatcher.time.time = dispatcher.time.time, lambda: 1614265330.0  # type: ignore[attr-defined]
    try:
        headers = dispatcher.signed(id_, content, secret)  # type: ignore[arg-type]
    finally:
        dispatcher.time.time = original  # type: ignore[attr-defined]
    assert headers["webhook-id"] == f"msg_{id_}"
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("status", ["succeeded", "failed", "cancelled"])
def test_only_the_chosen_events_are_sent(
    fake_worker: FakeWorker, client: TestClient, receiver: ThreadingHTTPServer, status: str
) -> None:
    wanted = create(client, receiver, events=[status])
    for each in ("succeeded", "failed", "cancelled"):
        end(fake_worker, each)
    wait(lambda: Receiver.received)
    assert [each["event"] for each in deliveries(client, wanted)] == [f"experiment.{status}"]


def test_an_experiment_of_several_runs_is_sent_once(
    fake_worker: FakeWorker, client: TestClient, receiver: ThreadingHTTPServer
) -> None:
    webhook = create(client, receiver)
    id_ = fake_worker.submit(**PAIR, seeds=[0, 1, 2])
    for seed in range(3):
        fake_worker.claim()
        assert deliveries(client, webhook) == []
        fake_worker.finish(id_, "failed" if seed == 1 else "succeeded", seed=seed)
    assert [each["event"] for each in deliveries(client, webhook)] == ["experiment.failed"]


def test_a_refused_message_is_retried_with_longer_pauses_and_then_given_up(
    fake_worker: FakeWorker, client: TestClient, database: Database, receiver: ThreadingHTTPServer
) -> None:
    webhook = create(client, receiver, "/503")
    end(fake_worker)
    pauses = []
    for attempt in range(1, outbox.MAX_ATTEMPTS):
        pauses.append(wait(lambda: pause(database)))
        assert len(Receiver.received) == attempt
        with database.write() as connection:
            connection.execute(update(Delivery).values(due_at=now(), answer=None))
    given_up = wait(lambda: [d for d in deliveries(client, webhook) if d["state"] == "given_up"])[0]
    assert (given_up["attempts"], given_up["answer"]) == (8, "answered 503")
    assert pauses == pytest.approx([10 * 4**n for n in range(7)], abs=3)
    contents = {content for _, _, content in Receiver.received}
    ids = {headers["webhook-id"] for _, headers, _ in Receiver.received}
    assert len(contents) == len(ids) == 1


def pause(database: Database) -> float | None:
    """Seconds until the next attempt; None while the last one is not recorded."""
    with database.read() as connection:
        row = connection.execute(select(Delivery.answer, (Delivery.due_at - now()).label("pause"))).one()
    return row.pause if row.answer else None


def test_a_message_whose_sender_died_is_sent_by_another(database: Database) -> None:
    with database.write() as connection:
        webhook = webhooks.create(connection, "http://127.0.0.1:1/", ["succeeded"])
        row = {"webhook_id": webhook.id, "experiment_id": 1, "event": "e", "content": "{}"}
        connection.execute(insert(Delivery).values(**row, attempts=0, due_at=now() - 1, created_at=now()))
    # The dispatcher of the service may be quicker; it is then the sender that died.
    with database.write() as connection:
        connection.execute(update(Delivery).values(due_at=now() - 1))
        first = outbox.take(connection, webhook.id)
        assert first is not None
        assert outbox.take(connection, webhook.id) is None
        connection.execute(update(Delivery).values(due_at=now() - 1))
        second = outbox.take(connection, webhook.id)
        assert second is not None
        assert second.attempt == first.attempt + 1
        outbox.record_attempt(connection, first, "late", delivered=True)
        assert connection.scalar(select(Delivery.delivered_at)) is None
        outbox.record_attempt(connection, second, "in time", delivered=True)
        assert connection.scalar(select(Delivery.answer)) == "in time"


def test_a_message_of_a_rolled_back_transaction_is_not_sent(
    fake_worker: FakeWorker, client: TestClient, database: Database, receiver: ThreadingHTTPServer
) -> None:
    webhook = create(client, receiver)
    id_ = fake_worker.submit(**PAIR)
    fake_worker.claim()
    with database.write() as connection:
        queue.finish(connection, fake_worker.leases[id_, 0], "succeeded")
        connection.rollback()
    time.sleep(0.2)
    assert Receiver.received == []
    assert deliveries(client, webhook) == []


def test_the_secret_is_shown_once(client: TestClient, receiver: ThreadingHTTPServer) -> None:
    webhook = create(client, receiver)
    assert webhook["secret"] not in client.get("/webhooks").text
    assert webhook["secret"] not in client.get(f"/webhooks/{webhook['id']}").text
    assert client.get("/webhooks").json()["items"][0]["events"] == ["cancelled", "failed", "succeeded"]


def test_a_deleted_webhook_gets_no_more_messages(
    fake_worker: FakeWorker, client: TestClient, receiver: ThreadingHTTPServer
) -> None:
    webhook = create(client, receiver)
    assert client.delete(f"/webhooks/{webhook['id']}").status_code == 204
    end(fake_worker)
    time.sleep(0.2)
    assert Receiver.received == []
    for method in ("GET", "DELETE"):
        response = client.request(method, f"/webhooks/{webhook['id']}")
        assert (response.status_code, response.json()["type"]) == (404, "/problems/unknown-webhook")


@pytest.fixture
def public_only(app: FastAPI, settings: Settings, client: TestClient) -> Iterator[TestClient]:
    """A service that does not send into private networks."""
    app.state.settings = settings.model_copy(update={"webhooks_private": False})
    yield client
    app.state.settings = settings


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://localhost:9200/", "http://[::1]/", "http://169.254.169.254/latest/meta-data",
        "http://10.1.2.3/", "https://192.168.0.1/", "http://[::ffff:10.0.0.1]/", "http://2130706433/", "http://0/",
    ],
)  # fmt: skip
def test_private_addresses_are_refused_unless_they_are_allowed(public_only: TestClient, url: str) -> None:
    response = public_only.post("/webhooks", json={"url": url})
    assert (response.status_code, response.json()["type"]) == (422, "/problems/private-address")
    assert public_only.get("/webhooks").json()["items"] == []


@pytest.mark.parametrize(
    "body",
    [
        {}, {"url": ""}, {"url": "ftp://example.org/"}, {"url": "http://"}, {"url": "http://a:b@example.org/"},
        {"url": "http://example.org:99999/"}, {"url": "http://[zz]/"}, {"url": "http://exämple.org/"},
        {"url": "http://example.org/ x"}, {"url": "http://example.org/\r\nX: y"}, {"url": "file:///etc/passwd"},
        {"url": "http://example.org\\@10.0.0.1/"}, {"url": "http://example.org/" + "x" * 2000}, {"url": 7},
        {"url": "http://example.org/", "events": []}, {"url": "http://example.org/", "events": ["queued"]},
        {"url": "http://example.org/", "secret": "mine"}, {"url": "http://example.org/", "events": "failed"},
    ],
)  # fmt: skip
def test_an_invalid_webhook_is_refused(client: TestClient, body: dict[str, Any]) -> None:
    response = client.post("/webhooks", json=body)
    assert response.status_code == 422, response.text
    assert response.json()["errors"]


def sweep(client: TestClient) -> int:
    request = {"name": "pair", "spec": PAIR, "space": {"loss": ["focal", "cross_entropy"]}}
    return int(client.post("/sweeps", json=request).raise_for_status().json()["id"])


def test_the_end_of_a_sweep_is_sent_once_to_those_who_subscribe_to_it(
    fake_worker: FakeWorker, client: TestClient, receiver: ThreadingHTTPServer
) -> None:
    subscribed = create(client, receiver, "/sweeps/204", events=["sweep.succeeded", "sweep.cancelled"])
    others = create(client, receiver, "/others/204", events=["sweep.failed"])
    sweep_id = sweep(client)
    for status in ("failed", "succeeded"):
        experiment, _ = fake_worker.claim()
        assert deliveries(client, subscribed) == []
        fake_worker.finish(experiment, status)
    (delivery,) = wait(lambda: deliveries(client, subscribed))
    assert (delivery["sweep_id"], delivery["experiment_id"]) == (sweep_id, None)
    wait(lambda: Receiver.received)
    ((path, headers, content),) = Receiver.received
    message = json.loads(content)
    assert (path, message["type"]) == ("/sweeps/204", "sweep.succeeded")
    assert headers["webhook-signature"].startswith("v1,")
    assert message["data"] == {
        "id": sweep_id,
        "name": "pair",
        "status": "succeeded",
        "counts": {"failed": 1, "succeeded": 1},
        "links": {"self": f"/sweeps/{sweep_id}", "leaderboard": f"/sweeps/{sweep_id}/leaderboard"},
    }
    client.post(f"/sweeps/{sweep_id}/retry").raise_for_status()
    client.post(f"/sweeps/{sweep_id}/cancel").raise_for_status()
    wait(lambda: len(deliveries(client, subscribed)) == 2)
    assert [each["event"] for each in deliveries(client, subscribed)] == [
        "sweep.cancelled",
        "sweep.succeeded",
    ]
    assert deliveries(client, others) == []


def test_by_default_a_webhook_gets_messages_about_experiments_alone(
    client: TestClient, receiver: ThreadingHTTPServer
) -> None:
    webhook = create(client, receiver)
    sweep_id = sweep(client)
    client.post(f"/sweeps/{sweep_id}/cancel").raise_for_status()
    wait(lambda: len(deliveries(client, webhook)) == 2)
    assert {each["event"] for each in deliveries(client, webhook)} == {"experiment.cancelled"}
