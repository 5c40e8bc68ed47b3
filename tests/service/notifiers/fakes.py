"""Who is rung, in place of an agent."""

import time


class Bell:
    """Notes when it was rung."""

    def __init__(self, *, is_full: bool = False) -> None:
        self.is_full = is_full
        self.rung: list[float] = []

    def ring(self) -> None:
        self.rung.append(time.monotonic())

    def wait(self, times: int, *, seconds: float = 20.0) -> None:
        """Until it was rung that often."""
        deadline = time.monotonic() + seconds
        while len(self.rung) < times:
            assert time.monotonic() < deadline, f"rung {len(self.rung)} times, not {times}"
            time.sleep(0.01)
