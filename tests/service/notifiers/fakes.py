"""A stand-in for an agent: it notes when it was woken."""

import time


class FakeAgent:
    """Notes the times of its wake-ups."""

    def __init__(self, *, is_full: bool = False) -> None:
        self.is_full = is_full
        self.woken: list[float] = []

    def wake(self) -> None:
        self.woken.append(time.monotonic())

    def wait(self, times: int, *, seconds: float = 20.0) -> None:
        """Until it was woken that often."""
        deadline = time.monotonic() + seconds
        while len(self.woken) < times:
            assert time.monotonic() < deadline, f"woken {len(self.woken)} times, not {times}"
            time.sleep(0.01)
