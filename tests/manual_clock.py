"""A monotonic clock that a test sets; it takes the place of a module's `time`."""


class ManualClock:
    """Stands still until a test changes `time`, in seconds."""

    def __init__(self, time: float = 1000.0) -> None:
        self.time = time

    def monotonic(self) -> float:
        return self.time
