"""Tells errors that say nothing about the work: something of the machine was used up, or the database was away."""

from sqlalchemy.exc import DBAPIError

from workers.exhaustion import is_exhausted


class Exhausted(Exception):
    """The machine, or this process, has run out of something that a request needs."""

    def __init__(self) -> None:
        super().__init__(
            "The service has run out of descriptors, threads, memory or disk, or must not write to its files."
            " Try again later."
        )


def is_temporary(error: Exception) -> bool:
    """Whether an error says nothing about a run or a job: something was used up, or away, and each would meet it."""
    return is_exhausted(error) or isinstance(error, DBAPIError)
