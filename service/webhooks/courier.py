"""Sends what the outbox of the webhooks holds, from a thread of the API; with several replicas, whoever is first.

A message is sent at least once: who has taken it and dies before the answer is noted leaves it to be sent again.
Receivers tell a repetition by its `webhook-id`. Signed as in https://www.standardwebhooks.com.
"""

import base64
import hashlib
import hmac
import logging
import time
from threading import Event, Thread

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from service.store import webhooks
from service.store.database import Database
from service.store.webhooks import SECRET_PREFIX, Due
from service.webhooks.outgoing import Undeliverable, post
from service.webhooks.slots import Slot, Slots

log = logging.getLogger("holdout.webhooks")

LOOK_SECONDS = 1.0
FORGET_SECONDS = 3600.0
GOODBYE_SECONDS = 1.0


class Courier:
    """Looks into the outbox every second and whenever a message was sent; sends a few at a time to each receiver."""

    def __init__(self, database: Database, *, private: bool) -> None:
        self._database, self._private = database, private
        self._slots = Slots()
        self._stopping, self._ring = Event(), Event()
        self._forget_at = time.monotonic() + FORGET_SECONDS
        self._thread = Thread(target=self._run, name="courier", daemon=True)

    def start(self) -> None:
        """Work in a thread of its own until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """Take nothing more; what is being sent is waited for shortly, and else sent again by whoever comes."""
        self._stopping.set()
        self._ring.set()
        self._thread.join()
        self._slots.wait_until_unused(GOODBYE_SECONDS)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._ring.wait(LOOK_SECONDS)
            self._ring.clear()
            try:
                self._look()
            except (DBAPIError, PoolTimeout):
                log.debug("the outbox cannot be read; looking again later")
            except Exception:
                log.exception("the courier could not go on; trying again")

    def _look(self) -> None:
        while not self._stopping.is_set() and self._send_next():
            pass
        if time.monotonic() >= self._forget_at:
            self._forget_at = time.monotonic() + FORGET_SECONDS
            with self._database.write() as connection:
                webhooks.forget(connection)

    def _send_next(self) -> bool:
        """Send a message in a thread of its own; False if none is due, or none that may be sent now."""
        if self._slots.is_full:
            return False
        with self._database.read() as connection:
            waiting = webhooks.waiting(connection) if webhooks.has_due(connection) else []
        slot = self._slots.take(waiting)
        if slot is None:
            return False
        try:
            with self._database.write() as connection:
                due = webhooks.take(connection, slot.webhook_id)
        except BaseException:
            self._slots.give_back(slot)
            raise
        if due is None:  # another replica was quicker
            self._slots.give_back(slot)
            return False
        Thread(target=self._deliver, args=(due, slot), name="delivery", daemon=True).start()
        return True

    def _deliver(self, due: Due, slot: Slot) -> None:
        try:
            answer, delivered = self._send(due)
            with self._database.write() as connection:
                webhooks.record(connection, due, answer, delivered=delivered)
        except (DBAPIError, PoolTimeout):
            log.warning("the result of delivery %s could not be stored; it is sent again", due.id)
        except Exception:
            log.exception("delivery %s failed", due.id)
        finally:
            self._slots.give_back(slot)
            self._ring.set()

    def _send(self, due: Due) -> tuple[str, bool]:
        content = due.content.encode()
        try:
            status = post(due.url, content, signed(due.id, content, due.secret), private=self._private)
        except Undeliverable as trouble:
            log.info("delivery %s, attempt %s: %s", due.id, due.attempt, trouble)
            return str(trouble), False
        return f"answered {status}", True


def signed(id_: int, content: bytes, secret: str) -> dict[str, str]:
    """The headers of a message: its number, the time, and an HMAC-SHA256 over both and the content."""
    name, sent_at = f"msg_{id_}", str(int(time.time()))
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    digest = hmac.new(key, f"{name}.{sent_at}.".encode() + content, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "User-Agent": "Holdout",
        "webhook-id": name,
        "webhook-timestamp": sent_at,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
