"""holdout doctor: what this installation runs on, and what is worth putting right. It changes nothing."""

import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from service.settings import Settings
from service.store.sqlite_driver import driver

if TYPE_CHECKING:
    from service.store.database import Database

SOUND_SQLITE = ((3, 44, 6), (3, 50, 7), (3, 51, 3))
"""The first release of each line without the WAL-reset bug; earlier ones have it since 3.7.0."""
LEAST_FREE_BYTES = 1_000_000_000
MATRIX = 1024


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. bad: the service cannot work so. The remedy is empty where none is needed."""

    state: Literal["ok", "warn", "bad"]
    what: str
    remedy: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Look at everything, in the order in which one thing needs another."""
    return [finding for check in CHECKS for finding in check(settings)]


def versions(_: Settings) -> Iterator[Finding]:
    import numpy as np

    python, system = platform.python_version(), platform.platform()
    yield Finding("ok", f"Holdout {version('holdout')}, Python {python}, NumPy {np.__version__}, {system}")


def training_kernels(_: Settings) -> Iterator[Finding]:
    """Which run, and where compiled ones are kept. Whatever is not compiled yet, is now."""
    from workers.nn import kernels

    taken, choice = kernels.loaded()
    what = f"Training kernels: {choice}"
    if taken.NAME == "numba":
        yield _compiled(what, taken.adam)
    elif os.environ.get("HOLDOUT_KERNELS") == "numpy":
        yield Finding("ok", what)
    else:
        remedy = "Training takes up to five times as long. Where there is a wheel for this system: pip install numba"
        yield Finding("warn", what, remedy)


def products(_: Settings) -> Iterator[Finding]:
    """A product as training does them, on one core unless the environment says otherwise."""
    import numpy as np

    a = np.random.default_rng(0).normal(size=(MATRIX, MATRIX)).astype(np.float32)
    seconds = min(_timed(lambda: a @ a) for _ in range(5))
    chosen = os.environ.get("OPENBLAS_CORETYPE", "not set: OpenBLAS chooses")
    threads = os.environ.get("OPENBLAS_NUM_THREADS", "not limited")
    speed = f"{2 * MATRIX**3 / seconds / 1e9:.0f} GFLOP/s in float32"
    yield Finding("ok", f"Matrix products: {speed}; OPENBLAS_CORETYPE {chosen}; threads {threads}")


def sqlite(settings: Settings) -> Iterator[Finding]:
    if not settings.url.startswith("sqlite"):
        return
    what = f"SQLite {driver.sqlite_version}"
    if is_sound(driver.sqlite_version_info):
        yield Finding("ok", what)
    else:
        yield Finding(
            "warn",
            f"{what} has the WAL-reset bug: very rarely, a write during a checkpoint damages the database",
            "Where there is a wheel for this system: pip install pysqlite3. Elsewhere use PostgreSQL, a system with"
            " a newer SQLite, or back the database up.",
        )


def is_sound(version: tuple[int, ...]) -> bool:
    """Whether a version of SQLite is without the WAL-reset bug: https://sqlite.org/wal.html#walresetbug."""
    return version >= SOUND_SQLITE[-1] or any(
        version[:2] == fixed[:2] and version >= fixed for fixed in SOUND_SQLITE
    )


def data_folder(settings: Settings) -> Iterator[Finding]:
    folder = _existing(settings.data_dir.resolve())
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        remedy = "Give HOLDOUT_DATA_DIR a folder that this user may write to."
        yield Finding("bad", f"Data folder {settings.data_dir}: not writable ({error.strerror})", remedy)
        return
    free = shutil.disk_usage(folder).free
    what = f"Data folder {settings.data_dir}: writable, {free / 1e9:.1f} GB free"
    if free < LEAST_FREE_BYTES:
        yield Finding("warn", what, "Free some space: a full disk stops every run.")
    else:
        yield Finding("ok", what)


def database(settings: Settings) -> Iterator[Finding]:
    from sqlalchemy.exc import SQLAlchemyError

    from service.store.database import Database

    store = Database(settings.url)
    shown = store.url.render_as_string(hide_password=True)
    if store.is_sqlite and not Path(store.url.database or "").exists():
        yield Finding("ok", f"Database {shown}: not there yet; the first start makes it")
        return
    try:
        yield _schema(store, shown)
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", error)).strip().partition("\n")[0]
        yield Finding(
            "bad", f"Database {shown}: {cause}", "Look at HOLDOUT_DATABASE_URL, and whether it runs."
        )
    finally:
        store.close()


def bundled_data(_: Settings) -> Iterator[Finding]:
    from workers.data.registry import DatasetRegistry
    from workers.data.sources import BUNDLED

    with tempfile.TemporaryDirectory() as folder:
        try:
            rows = [DatasetRegistry(Path(folder)).describe(name).rows for name in BUNDLED]
        except Exception as error:  # whatever is wrong with the file, that is the finding
            yield Finding(
                "bad", f"Bundled data sets: {type(error).__name__}: {error}", "Install Holdout anew."
            )
            return
    named = ", ".join(f"{name} ({count:,} rows)" for name, count in zip(BUNDLED, rows, strict=True))
    yield Finding("ok", f"Bundled data sets: {named}")


def pages(_: Settings) -> Iterator[Finding]:
    import fastapi_offline

    folder = Path(fastapi_offline.__file__).parent / "static"
    missing = [name for name in ("swagger-ui-bundle.js", "swagger-ui.css") if not (folder / name).is_file()]
    if missing:
        yield Finding("bad", f"Swagger UI: {', '.join(missing)} missing", "Install fastapi-offline anew.")
    else:
        yield Finding("ok", "Swagger UI: its files are here, no outside host is asked")


def _compiled(what: str, kernel: object) -> Finding:
    from workers.nn.kernels.compiled import compiler

    folder = compiler.folder(kernel)
    if compiler.is_lost(folder):
        remedy = "No folder can be written to: set NUMBA_CACHE_DIR to one that can."
        return Finding("warn", f"{what}, anew at every start", remedy)
    return Finding("ok", f"{what}, kept in {folder}")


def _schema(store: "Database", shown: str) -> Finding:
    from service.store import migrations

    newest = migrations.newest()
    with store.read() as connection:
        there = migrations.applied(connection)
    if there is not None and there not in migrations.known():
        what = f"Database {shown}: schema {there} is unknown; this version knows those up to {newest}"
        return Finding("bad", what, migrations.REMEDY)
    if there == newest:
        return Finding("ok", f"Database {shown}: answers, schema {there} is current")
    what = f"Database {shown}: schema {there or 'empty'}, this version needs {newest}"
    return Finding("warn", what, "The next start of the service migrates it; or run: holdout migrate")


def _existing(folder: Path) -> Path:
    """The folder, or what is there of the way to it."""
    return next(each for each in (folder, *folder.parents) if each.exists())


def _timed(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


Check = Callable[[Settings], Iterator[Finding]]
CHECKS: tuple[Check, ...] = (
    versions,
    training_kernels,
    products,
    sqlite,
    data_folder,
    database,
    bundled_data,
    pages,
)
