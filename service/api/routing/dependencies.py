"""The dependencies of routes: database, data sets, uploads, intervals, notifier, caller, memory, disk, settings.

Routes are plain functions and open their own short transactions, `with database.read()`: one thread then
takes a connection, waits for its lock, works and commits before the response is sent. As a dependency with
`yield`, a transaction would stay open between threads, and forty waiting requests would leave no thread for the
one that has the lock.
"""

from typing import Annotated

from fastapi import Depends, Request

from service.datasets.uploads import UploadService
from service.experiments.importance import ImportanceService
from service.experiments.intervals import IntervalService
from service.experiments.leaderboards import LeaderboardService
from service.experiments.row_differences import RowDifferences
from service.experiments.row_results import RowResultsLoader
from service.free_space import FreeSpace
from service.memory_budget import MemoryBudget
from service.notifiers import Notifier
from service.settings import Settings
from service.store.credentials.tokens import Caller
from service.store.database import Database
from service.store.epochs.curve_reader import CurveReader
from workers.data.registry import DatasetRegistry


async def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


async def _registry(request: Request) -> DatasetRegistry:
    registry: DatasetRegistry = request.app.state.registry
    return registry


async def _uploads(request: Request) -> UploadService:
    uploads: UploadService = request.app.state.uploads
    return uploads


async def _notifier(request: Request) -> Notifier:
    notifier: Notifier = request.app.state.notifier
    return notifier


async def _intervals(request: Request) -> IntervalService:
    intervals: IntervalService = request.app.state.intervals
    return intervals


async def _row_results(request: Request) -> RowResultsLoader:
    loader: RowResultsLoader = request.app.state.row_results
    return loader


async def _curves(request: Request) -> CurveReader:
    curves: CurveReader = request.app.state.curves
    return curves


async def _importance(request: Request) -> ImportanceService:
    importance: ImportanceService = request.app.state.importance
    return importance


async def _row_differences(request: Request) -> RowDifferences:
    row_differences: RowDifferences = request.app.state.row_differences
    return row_differences


async def _leaderboards(request: Request) -> LeaderboardService:
    leaderboards: LeaderboardService = request.app.state.leaderboards
    return leaderboards


async def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


async def _memory(request: Request) -> MemoryBudget:
    memory: MemoryBudget = request.app.state.memory
    return memory


async def _space(request: Request) -> FreeSpace:
    space: FreeSpace = request.app.state.space
    return space


CallerDep = Annotated[Caller, Depends(_caller)]
"""The caller, on a route that is not public."""
FreeSpaceDep = Annotated[FreeSpace, Depends(_space)]
MemoryDep = Annotated[MemoryBudget, Depends(_memory)]
SettingsDep = Annotated[Settings, Depends(_settings)]
DatabaseDep = Annotated[Database, Depends(_database)]
RegistryDep = Annotated[DatasetRegistry, Depends(_registry)]
RowResultsDep = Annotated[RowResultsLoader, Depends(_row_results)]
IntervalsDep = Annotated[IntervalService, Depends(_intervals)]
CurvesDep = Annotated[CurveReader, Depends(_curves)]
ImportanceDep = Annotated[ImportanceService, Depends(_importance)]
RowDifferencesDep = Annotated[RowDifferences, Depends(_row_differences)]
LeaderboardsDep = Annotated[LeaderboardService, Depends(_leaderboards)]
UploadsDep = Annotated[UploadService, Depends(_uploads)]
NotifierDep = Annotated[Notifier, Depends(_notifier)]
"""Its `wake` is called within the transaction, and wakes agents when that commits."""
