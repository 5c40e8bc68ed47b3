"""What routes ask for: the store, the data, the doorbell.

Routes are plain functions and open their own short transactions, `with database.read()`: one thread then
takes a connection, waits for its lock, works and commits before the answer is sent. As a dependency with
`yield`, a transaction is held between threads, and forty waiting requests leave none for who holds the lock.
"""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request

from service.datasets.uploads import Intake
from service.engines import Engine
from service.settings import Settings
from service.store.database import Database
from service.store.tokens import Caller
from workers.data.library import Library


async def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


async def _library(request: Request) -> Library:
    library: Library = request.app.state.library
    return library


async def _intake(request: Request) -> Intake:
    intake: Intake = request.app.state.intake
    return intake


async def _engine(request: Request) -> Engine:
    engine: Engine = request.app.state.engine
    return engine


async def _doorbell(request: Request) -> Callable[[], None]:
    ring: Callable[[], None] = request.app.state.ring
    return ring


async def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


Asking = Annotated[Caller, Depends(_caller)]
"""Who asks, on a route that needs a token."""
Configured = Annotated[Settings, Depends(_settings)]
Store = Annotated[Database, Depends(_database)]
Data = Annotated[Library, Depends(_library)]
Uploading = Annotated[Intake, Depends(_intake)]
Bell = Annotated[Engine, Depends(_engine)]
"""To be rung in the transaction: agents elsewhere look at the queue once it is committed."""
Doorbell = Annotated[Callable[[], None], Depends(_doorbell)]
"""To be rung after the commit: an agent in this process looks at the queue at once."""
