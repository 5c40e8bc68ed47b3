"""Receivers that hang do not delay the others."""

import http.server
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from statistics import median

import pytest
from sqlalchemy import insert, select

from service.store.database import Database
from service.store.engine.clock import now
from service.store.tables import Delivery, Webhook
from service.store.webhooks import outbox, webhooks
from service.store.webhooks.outbox import WaitingWebhook
from service.webhooks import dispatcher, ssrf_protection
from service.webhooks.dispatcher import WebhookDispatcher
from service.webhooks.slots import FAILING_SLOTS, SLOTS, SLOTS_PER_RECEIVER, DeliverySlots, receiver_of
from tests.service.webhooks.test_ssrf_protection import receiver

__all__ = ["receiver"]

TIMEOUT_SECONDS = 1.5
PENDING = 40
EACH = 10


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the timeout and the poll interval."""
    monkeypatch.setattr(ssrf_protection, "TIMEOUT_SECONDS", TIMEOUT_SECONDS)
    monkeypatch.setattr(dispatcher, "POLL_SECONDS", 0.1)


@pytest.fixture
def hang() -> Iterator[Callable[[], int]]:
    """Starts servers that accept a connection and never respond; returns the port of each."""
    with ExitStack() as opened:

        def listen() -> int:
            server = opened.enter_context(socket.create_server(("127.0.0.1", 0), backlog=100))
            return int(server.getsockname()[1])

        yield listen


def register(database: Database, port: int, path: str = "/200") -> int:
    with database.write() as connection:
        return int(webhooks.create(connection, f"http://127.0.0.1:{port}{path}", ["succeeded"]).id)


def announce(database: Database, webhook_ids: list[int], times: int = 1) -> None:
    """Insert messages that are due."""
    row = {"experiment_id": 1, "event": "experiment.succeeded", "content": "{}", "attempts": 0}
    rows = [{"webhook_id": id_, **row} for _ in range(times) for id_ in webhook_ids]
    with database.write() as connection:
        connection.execute(insert(Delivery).values(due_at=now(), created_at=now()), rows)


def delays(database: Database, webhook_ids: list[int]) -> list[float]:
    """Wait until all messages are delivered. Returns the delay of each."""
    mine = select(Delivery.created_at, Delivery.delivered_at).where(Delivery.webhook_id.in_(webhook_ids))
    deadline = time.monotonic() + 60
    while True:
        with database.read() as connection:
            rows = connection.execute(mine).all()
        if all(row.delivered_at for row in rows):
            return [row.delivered_at - row.created_at for row in rows]
        assert time.monotonic() < deadline, "the healthy receivers were delayed"
        time.sleep(0.05)


def attempts(database: Database, webhook_ids: list[int]) -> int:
    with database.read() as connection:
        return sum(
            connection.scalars(select(Delivery.attempts).where(Delivery.webhook_id.in_(webhook_ids))).all()
        )


@pytest.mark.parametrize("hanging", [pytest.param(1, marks=pytest.mark.thorough), 12])
def test_healthy_receivers_do_not_wait_for_hanging_ones(
    database: Database,
    receiver: http.server.ThreadingHTTPServer,
    hang: Callable[[], int],
    record_property: Callable[[str, object], None],
    hanging: int,
) -> None:
    """This also holds after a restart, while many messages for the hanging receivers are due."""
    sick = [register(database, hang()) for _ in range(hanging)]
    healthy = [register(database, receiver.server_port, f"/{number}/200") for number in range(3)]
    announce(database, sick, PENDING)
    figures = []
    for start in ("first start", "restart"):
        dispatching = WebhookDispatcher(database, private=True)
        dispatching.start()
        try:
            wait_for(lambda: attempts(database, sick) >= min(hanging, FAILING_SLOTS))
            if start == "first start":  # until the database has counted their failures
                wait_for(lambda: failing(database) == hanging)
            announce(database, healthy, EACH)
            found = delays(database, healthy)
        finally:
            dispatching.stop()
            wait_for(lambda: not any(each.name == "delivery" for each in threading.enumerate()))
        figures.append(f"{start}: median {median(found):.2f} s, longest {max(found):.2f} s")
    assert attempts(database, sick) < hanging * PENDING  # they hung during the whole test
    backend = database.url.get_backend_name()
    record_property("shown", f"{hanging} hanging, {backend}, delays of the healthy: {'; '.join(figures)}")


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def failing(database: Database) -> int:
    with database.read() as connection:
        return sum(1 for each in outbox.waiting_webhooks(connection) if each.failures)


def test_webhooks_of_one_server_share_its_slots() -> None:
    slots = DeliverySlots()
    mine = [WaitingWebhook(number, f"http://Example.org/{number}", 0, float(number)) for number in range(5)]
    taken = [slots.take(mine) for _ in range(5)]
    assert [slot is not None for slot in taken] == [True] * SLOTS_PER_RECEIVER + [False] * (
        5 - SLOTS_PER_RECEIVER
    )
    other = slots.take([*mine, WaitingWebhook(9, "https://example.org/", 0, 99.0)])
    assert other is not None
    assert other.webhook_id == 9


def test_the_receiver_with_the_fewest_slots_goes_first_then_the_oldest_message() -> None:
    slots = DeliverySlots()
    waiting = [
        WaitingWebhook(1, "http://a/", 0, 1.0),
        WaitingWebhook(2, "http://b/", 0, 2.0),
        WaitingWebhook(3, "http://c/", 0, 1.5),
    ]
    taken = [slots.take(waiting) for _ in range(6)]
    assert [slot and slot.webhook_id for slot in taken] == [1, 3, 2, 1, 3, 2]
    first = taken[0]
    assert first is not None
    slots.release(first)
    again = slots.take(waiting)
    assert again is not None
    assert again.webhook_id == 1


def test_failing_receivers_together_leave_most_of_the_slots() -> None:
    slots = DeliverySlots()
    failing = [WaitingWebhook(number, f"http://sick-{number}/", 3, 0.0) for number in range(50)]
    while slots.take(failing):
        pass
    assert len(slots._used) == FAILING_SLOTS
    assert len({slot.receiver for slot in slots._used}) == FAILING_SLOTS
    healthy = [WaitingWebhook(100 + number, f"http://well-{number}/", 0, 1.0) for number in range(50)]
    while slots.take([*failing, *healthy]):
        pass
    assert len(slots._used) == SLOTS
    assert slots.is_full


def test_failures_are_counted_until_a_success(database: Database) -> None:
    id_ = register(database, 1)
    announce(database, [id_], 3)
    for delivered, failures in ((False, 1), (False, 2), (True, 0)):
        with database.write() as connection:
            due = outbox.take(connection, id_)
            assert due is not None
            outbox.record_attempt(connection, due, "late", delivered=delivered)
            announced = connection.execute(select(Webhook.failures)).scalar_one()
        assert announced == failures


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://Hooks.example.org/a?b", "hooks.example.org:443"),
        ("http://hooks.example.org/c", "hooks.example.org:80"),
        ("http://[::1]:8080/", "::1:8080"),
    ],
)
def test_a_receiver_is_a_host_and_a_port(url: str, expected: str) -> None:
    assert receiver_of(url) == expected
