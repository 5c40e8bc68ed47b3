"""The slots in which messages are sent, and how receivers share them: one that hangs does not delay the others.

A receiver is a host and its port: several webhooks of one server share its slots. Each receiver has at most `SHARE`.
Webhooks whose last attempt failed have one for each receiver, and `FAILING_TOGETHER` in all. The database counts the
failures, so this holds after a restart as well. A free slot goes to the receiver that uses the fewest, then to the
message that is due for longest.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from threading import Condition
from urllib.parse import urlsplit

from service.store.webhooks import Waiting

AT_A_TIME = 32
SHARE = 2
FAILING_SHARE = 1
FAILING_TOGETHER = 8
"""So receivers that are known to fail never delay others. Those that begin to hang can, for one timeout, if there are
`AT_A_TIME / SHARE` of them or more at the same time.
"""


@dataclass(frozen=True, eq=False)
class Slot:
    """One message that is being sent."""

    webhook_id: int
    receiver: str
    failing: bool


class Slots:
    """The slots of one process. Safe in any thread."""

    def __init__(self) -> None:
        self._used: set[Slot] = set()
        self._changed = Condition()

    @property
    def is_full(self) -> bool:
        """Whether nothing more can be sent at the moment."""
        return len(self._used) >= AT_A_TIME

    def take(self, waiting: Iterable[Waiting]) -> Slot | None:
        """A slot for the webhook whose turn it is; None if none of them may have one now."""
        with self._changed:
            turns = sorted(waiting, key=lambda each: (self._of(receiver_of(each.url)), each.due_at))
            for each in turns:
                slot = Slot(each.id, receiver_of(each.url), each.failures > 0)
                if self._is_free_for(slot):
                    self._used.add(slot)
                    return slot
        return None

    def give_back(self, slot: Slot) -> None:
        """The message was sent, or was not."""
        with self._changed:
            self._used.remove(slot)
            self._changed.notify_all()

    def wait_until_unused(self, seconds: float) -> None:
        """Wait until nothing is being sent, but no longer than this."""
        with self._changed:
            self._changed.wait_for(lambda: not self._used, seconds)

    def _is_free_for(self, slot: Slot) -> bool:
        if self.is_full or self._of(slot.receiver) >= SHARE:
            return False
        if not slot.failing:
            return True
        failing = [each.receiver for each in self._used if each.failing]
        return len(failing) < FAILING_TOGETHER and failing.count(slot.receiver) < FAILING_SHARE

    def _of(self, receiver: str) -> int:
        return sum(each.receiver == receiver for each in self._used)


def receiver_of(url: str) -> str:
    """The host and port of a URL."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
