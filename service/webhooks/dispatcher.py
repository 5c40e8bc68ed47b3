"""Sends the due messages of the webhook outbox from a thread of the API, after it has written those about sweeps that
have ended. Several replicas share one outbox.

Delivery is at least once: if a process takes a message and dies before it records the response, the message is sent
again. Receivers recognise a repetition by its `webhook-id`. Signed as in https://www.standardwebhooks.com.
"""

import base64
import hashlib
import hmac
import logging
import time
from threading import Event, Thread

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from service.store.database import Database
from service.store.sealing import SealingKey, WrongSealingKey
from service.store.webhooks import outbox, sweep_messages
from service.store.webhooks.outbox import DueDelivery
from service.store.webhooks.webhooks import NOT_SEALED, SECRET_PREFIX
from service.webhooks.slots import DeliverySlots, Slot
from service.webhooks.ssrf_protection import Undeliverable, post

log = logging.getLogger("holdout.webhooks")

POLL_SECONDS = 1.0
CLEANUP_SECONDS = 3600.0
SHUTDOWN_SECONDS = 1.0


class WebhookDispatcher:
    """Polls the outbox every second and after each delivery; each delivery has a thread and a slot of its receiver.

    private: whether webhooks may be in private networks. key: opens their secrets.
    """

    def __init__(self, database: Database, *, private: bool, key: SealingKey = NOT_SEALED) -> None:
        self._database, self._private, self._key = database, private, key
        self._slots = DeliverySlots()
        self._stopping, self._wake = Event(), Event()
        self._next_cleanup = time.monotonic() + CLEANUP_SECONDS
        self._thread = Thread(target=self._run, name="webhooks", daemon=True)

    def start(self) -> None:
        """Send messages in a thread until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """Start no more deliveries, and wait shortly for the current ones. Unfinished ones are repeated later."""
        self._stopping.set()
        self._wake.set()
        self._thread.join()
        self._slots.wait_until_unused(SHUTDOWN_SECONDS)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(POLL_SECONDS)
            self._wake.clear()
            try:
                self._send_due()
            except (DBAPIError, PoolTimeout):
                log.debug("the outbox cannot be read; trying again later")
            except Exception:
                log.exception("sending the due messages failed; trying again")

    def _send_due(self) -> None:
        self._announce_sweeps()
        while not self._stopping.is_set() and self._send_next():
            pass
        if time.monotonic() >= self._next_cleanup:
            self._next_cleanup = time.monotonic() + CLEANUP_SECONDS
            with self._database.write() as connection:
                outbox.delete_old(connection)

    def _announce_sweeps(self) -> None:
        with self._database.read() as connection:
            if not sweep_messages.has_ended(connection):
                return
        with self._database.write() as connection:
            sweep_messages.announce(connection)

    def _send_next(self) -> bool:
        """Start one delivery in a thread. False if no message is due, or none may be sent now."""
        if self._slots.is_full:
            return False
        with self._database.read() as connection:
            waiting = outbox.waiting_webhooks(connection) if outbox.has_due(connection) else []
        slot = self._slots.take(waiting)
        if slot is None:
            return False
        try:
            with self._database.write() as connection:
                due = outbox.take(connection, slot.webhook_id)
        except BaseException:
            self._slots.release(slot)
            raise
        if due is None:  # another replica was quicker
            self._slots.release(slot)
            return False
        Thread(target=self._deliver, args=(due, slot), name="delivery", daemon=True).start()
        return True

    def _deliver(self, due: DueDelivery, slot: Slot) -> None:
        try:
            outcome, delivered = self._post(due)
            with self._database.write() as connection:
                outbox.record_attempt(connection, due, outcome, delivered=delivered)
        except (DBAPIError, PoolTimeout):
            log.warning("the result of delivery %s could not be stored; it is sent again", due.id)
        except Exception:
            log.exception("delivery %s failed", due.id)
        finally:
            self._slots.release(slot)
            self._wake.set()

    def _post(self, due: DueDelivery) -> tuple[str, bool]:
        """Send one message. Returns the outcome in words, and whether it was delivered."""
        content = due.content.encode()
        try:
            headers = signed(due.id, content, self._key.open(due.secret))
            status = post(due.url, content, headers, private=self._private)
        except (Undeliverable, WrongSealingKey) as error:
            log.info("delivery %s, attempt %s: %s", due.id, due.attempt, error)
            return str(error), False
        return f"answered {status}", True


def signed(id_: int, content: bytes, secret: str) -> dict[str, str]:
    """The headers of a message: its id, the time, and an HMAC-SHA256 over both and the content."""
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
