"""The slots in which messages are sent, and how receivers share them: one that hangs does not delay the others.

A receiver is a host and its port: several webhooks of one server share its slots. A receiver has at most
`SLOTS_PER_RECEIVER`. Webhooks whose last attempt failed have one slot per receiver, and `FAILING_SLOTS` together. The
database counts the failures, so this holds after a restart too. A free slot goes to the receiver that uses the
fewest, then to the message that has been due for longest.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from threading import Condition
from urllib.parse import urlsplit

from service.store.webhooks.outbox import WaitingWebhook

SLOTS = 32
SLOTS_PER_RECEIVER = 2
FAILING_SLOTS_PER_RECEIVER = 1
FAILING_SLOTS = 8
"""So receivers that are known to fail never delay others. Receivers that start to hang can, for one timeout, if at
least `SLOTS / SLOTS_PER_RECEIVER` of them do at the same time.
"""


@dataclass(frozen=True, eq=False)
class Slot:
    """A message that is being sent."""

    webhook_id: int
    receiver: str
    failing: bool


class DeliverySlots:
    """The slots of one process. Thread-safe."""

    def __init__(self) -> None:
        self._used: set[Slot] = set()
        self._changed = Condition()

    @property
    def is_full(self) -> bool:
        """Whether all slots are in use."""
        return len(self._used) >= SLOTS

    def take(self, waiting: Iterable[WaitingWebhook]) -> Slot | None:
        """A slot for the webhook whose turn it is; None if none of them may have one now."""
        with self._changed:
            turns = sorted(waiting, key=lambda each: (self._used_by(receiver_of(each.url)), each.due_at))
            for each in turns:
                slot = Slot(each.id, receiver_of(each.url), each.failures > 0)
                if self._may_have(slot):
                    self._used.add(slot)
                    return slot
        return None

    def release(self, slot: Slot) -> None:
        """Free a slot when its delivery has ended, whether it succeeded or not."""
        with self._changed:
            self._used.remove(slot)
            self._changed.notify_all()

    def wait_until_unused(self, seconds: float) -> None:
        """Wait until no slot is in use, but no longer than `seconds`."""
        with self._changed:
            self._changed.wait_for(lambda: not self._used, seconds)

    def _may_have(self, slot: Slot) -> bool:
        if self.is_full or self._used_by(slot.receiver) >= SLOTS_PER_RECEIVER:
            return False
        if not slot.failing:
            return True
        failing = [each.receiver for each in self._used if each.failing]
        return len(failing) < FAILING_SLOTS and failing.count(slot.receiver) < FAILING_SLOTS_PER_RECEIVER

    def _used_by(self, receiver: str) -> int:
        return sum(each.receiver == receiver for each in self._used)


def receiver_of(url: str) -> str:
    """The host and port of a URL."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
