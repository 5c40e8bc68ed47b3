"""No engine: an agent in the API's own process is rung by the API, any other one looks ten times a second."""

from contextlib import AbstractContextManager, nullcontext

from sqlalchemy import Connection

from service.notifiers.notifier import Wakeable


class PollingNotifier:
    """Does nothing, which is enough for one machine."""

    def announce(self, connection: Connection, experiment_id: int, runs: int) -> None:
        pass

    def listening(self, agent: Wakeable) -> AbstractContextManager[None]:
        return nullcontext()

    def migrate(self, connection: Connection) -> None:
        pass
