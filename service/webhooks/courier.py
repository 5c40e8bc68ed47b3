"""Sends what the outbox of the webhooks holds, from a thread of the API; with several replicas, whoever is first.

A message is sent at least once: who has taken it and dies before the answer is noted leaves it to be sent again.
Receivers tell a repetition by its `webhook-id`. Signed as in https://www.standardwebhooks.com.
"""

import base64
import hashlib
import hmac
import logging
import time
from threading import BoundedSemaphore, Event, Thread

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from service.store import webhooks
from service.store.database import Database
from service.store.webhooks import SECRET_PREFIX, Due
from service.webhooks.outgoing import Undeliverable, post

log = logging.getLogger("holdout.webhooks")

AT_A_TIME = 4
LOOK_SECONDS = 1.0
FORGET_SECONDS = 3600.0
GOODBYE_SECONDS = 1.0


class Courier:
    """Looks into the outbox every second, and sends a few messages at a time."""

    def __init__(self, database: Database, *, private: bool) -> None:
        self._database, self._private = database, private
        self._free = BoundedSemaphore(AT_A_TIME)
        self._stopping = Event()
        self._forget_at = time.monotonic() + FORGET_SECONDS
        self._thread = Thread(target=self._run, name="courier", daemon=True)

    def start(self) -> None:
        """Work in a thread of its own until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """Take nothing more; what is being sent is waited for shortly, and else sent again by whoever comes."""
        self._stopping.set()
        self._thread.join()
        for _ in range(AT_A_TIME):
            self._free.acquire(timeout=GOODBYE_SECONDS / AT_A_TIME)

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            try:
                self._look()
            except (DBAPIError, PoolTimeout):
                log.debug("the outbox cannot be read; looking again later")
            except Exception:
                log.exception("the courier could not go on; trying again")

    def _look(self) -> None:
        while not self._stopping.is_set() and self._free.acquire(blocking=False):
            due = self._take()
            if due is None:
                self._free.release()
                break
            Thread(target=self._deliver, args=(due,), name="delivery", daemon=True).start()
        if time.monotonic() >= self._forget_at:
            self._forget_at = time.monotonic() + FORGET_SECONDS
            with self._database.write() as connection:
                webhooks.forget(connection)

    def _take(self) -> Due | None:
        try:
            with self._database.read() as connection:
                if not webhooks.has_due(connection):
                    return None
            with self._database.write() as connection:
                return webhooks.take(connection)
        except BaseException:
            self._free.release()
            raise

    def _deliver(self, due: Due) -> None:
        try:
            answer, delivered = self._send(due)
            with self._database.write() as connection:
                webhooks.record(connection, due, answer, delivered=delivered)
        except (DBAPIError, PoolTimeout):
            log.warning("what became of delivery %s could not be noted; it is sent again", due.id)
        except Exception:
            log.exception("delivery %s failed", due.id)
        finally:
            self._free.release()

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
