"""The computing process: calls a function for each request, and sends back what it returns or raises.

Its standard input is a socket. When that closes, the parent is gone or needs no more, and the process ends.
"""

import signal
import sys
import traceback
from multiprocessing.connection import Connection
from typing import Any

from workers.computing.client import Raised, Request, Returned
from workers.processes import memory
from workers.processes.orphan_watch import exits_with_parent


def main() -> None:
    """Compute until the parent closes the socket."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    memory.return_free_memory()
    memory.raise_oom_score()
    connection: Connection[Returned[Any] | Raised, Request] = Connection(sys.stdin.fileno())
    while True:
        try:
            request = connection.recv()
        except EOFError:
            return
        with exits_with_parent():
            outcome = outcome_of(request)
        connection.send(outcome)
        del request, outcome


def outcome_of(request: Request) -> Returned[Any] | Raised:
    """What the function of a request returns, or its error, which has its traceback as a note."""
    try:
        return Returned(request.function(*request.arguments, **request.named))
    except Exception as error:
        error.add_note(traceback.format_exc())
        return Raised(error)


if __name__ == "__main__":
    main()
