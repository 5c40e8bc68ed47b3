"""`holdout doctor`: checks the installation and says what to fix. It changes no data."""

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
from service.store.engine.sqlite_driver import driver

if TYPE_CHECKING:
    from service.store.database import Database

WAL_RESET_FIXES = ((3, 44, 6), (3, 50, 7), (3, 51, 3))
"""The first release of each SQLite branch without the WAL-reset bug, which all releases from 3.7.0 had before."""
MIN_FREE_BYTES = 1_000_000_000
MATRIX_SIZE = 1024


@dataclass(frozen=True)
class CheckResult:
    """The result of one check. bad: the service cannot work. The remedy is empty if none is needed."""

    status: Literal["ok", "warn", "bad"]
    message: str
    remedy: str = ""


def run_checks(settings: Settings) -> list[CheckResult]:
    """Run all checks; what others depend on comes first."""
    return [result for check in CHECKS for result in check(settings)]


def versions(_: Settings) -> Iterator[CheckResult]:
    import numpy as np

    python, system = platform.python_version(), platform.platform()
    yield CheckResult(
        "ok", f"Holdout {version('holdout')}, Python {python}, NumPy {np.__version__}, {system}"
    )


def training_kernels(_: Settings) -> Iterator[CheckResult]:
    """Which kernels are used, and where compiled ones are cached. Compiles them if they are not yet."""
    from workers.nn import kernels

    loaded, choice = kernels.load()
    message = f"Training kernels: {choice}"
    if loaded.NAME == "numba":
        yield _compiled(message, loaded.adam)
    elif os.environ.get("HOLDOUT_KERNELS") == "numpy":
        yield CheckResult("ok", message)
    else:
        remedy = "Training takes up to five times as long. Where there is a wheel for this system: pip install numba"
        yield CheckResult("warn", message, remedy)


def matmul_speed(_: Settings) -> Iterator[CheckResult]:
    """The speed of a float32 matrix product, on one core unless the environment says otherwise."""
    import numpy as np

    a = np.random.default_rng(0).normal(size=(MATRIX_SIZE, MATRIX_SIZE)).astype(np.float32)
    seconds = min(_timed(lambda: a @ a) for _ in range(5))
    core_type = os.environ.get("OPENBLAS_CORETYPE", "not set: OpenBLAS chooses")
    threads = os.environ.get("OPENBLAS_NUM_THREADS", "not limited")
    speed = f"{2 * MATRIX_SIZE**3 / seconds / 1e9:.0f} GFLOP/s in float32"
    yield CheckResult("ok", f"Matrix products: {speed}; OPENBLAS_CORETYPE {core_type}; threads {threads}")


def bfloat16_unit(_: Settings) -> Iterator[CheckResult]:
    """What multiplies bfloat16, and how fast; or why `"precision": "bfloat16"` is refused."""
    from workers import bfloat16

    try:
        unit = bfloat16.find_unit()
        rates = bfloat16.measure(bfloat16.MklProducts(unit.library, name=str(unit)))
        bfloat16.require_faster(unit, rates)
    except bfloat16.NoUnit as missing:
        yield CheckResult("ok", f"bfloat16: refused here, because {missing}")
    except OSError as error:
        yield CheckResult("bad", f"bfloat16: MKL cannot be loaded: {error}", bfloat16.INSTALL)
    else:
        speed = f"{rates.bfloat16:.0f} GFLOP/s beside {rates.float32:.0f} in float32"
        yield CheckResult("ok", f"bfloat16: {unit}, {speed}")


def sqlite(settings: Settings) -> Iterator[CheckResult]:
    if not settings.url.startswith("sqlite"):
        return
    message = f"SQLite {driver.sqlite_version}"
    if has_wal_reset_bug(driver.sqlite_version_info):
        yield CheckResult(
            "warn",
            f"{message} has the WAL-reset bug: very rarely, a write during a checkpoint damages the database",
            "Where there is a wheel for this system: pip install pysqlite3. Elsewhere use PostgreSQL, a system with"
            " a newer SQLite, or back the database up.",
        )
    else:
        yield CheckResult("ok", message)


def has_wal_reset_bug(version: tuple[int, ...]) -> bool:
    """Whether a version of SQLite has the WAL-reset bug: https://sqlite.org/wal.html#walresetbug."""
    is_fixed_branch = any(version[:2] == fixed[:2] and version >= fixed for fixed in WAL_RESET_FIXES)
    return version < WAL_RESET_FIXES[-1] and not is_fixed_branch


def data_folder(settings: Settings) -> Iterator[CheckResult]:
    folder = _existing(settings.data_dir.resolve())
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        remedy = "Give HOLDOUT_DATA_DIR a folder that this user may write to."
        yield CheckResult("bad", f"Data folder {settings.data_dir}: not writable ({error.strerror})", remedy)
        return
    free = shutil.disk_usage(folder).free
    message = f"Data folder {settings.data_dir}: writable, {free / 1e9:.1f} GB free"
    if free < MIN_FREE_BYTES:
        yield CheckResult("warn", message, "Free some space: a full disk stops every run.")
    else:
        yield CheckResult("ok", message)


def file_access(settings: Settings) -> Iterator[CheckResult]:
    from service.operations.file_access import is_shared, open_to_others

    found = [*open_to_others(settings)]
    if found:
        message = f"Access: other users have rights to {len(found):,} files, such as {found[0]}"
        yield CheckResult("warn", message, "The next start of the service takes them away.")
    elif is_shared(settings.data_dir):
        message = f"Access: other users have rights to the folder {settings.data_dir}, but to none of Holdout's files"
        yield CheckResult("warn", message, f"If nothing else needs them: chmod go= {settings.data_dir}")
    else:
        yield CheckResult("ok", "Access: no other user has rights to Holdout's files")


def artifacts(settings: Settings) -> Iterator[CheckResult]:
    """Whether the artifact store takes a file and gives it back. A folder in the data folder is checked with that."""
    if settings.artifacts is None:
        return
    from service.settings import UnusableSetting
    from service.store.artifacts.blob_store import BlobStore, BlobStoreUnavailable

    message, files = f"Artifact store {settings.artifacts}", None
    try:
        files = BlobStore(settings.artifacts)
        files.check()
    except UnusableSetting as error:
        yield CheckResult("bad", str(error))
    except BlobStoreUnavailable:
        cause = files and files.away_because
        yield CheckResult(
            "bad", f"{message}: {cause}", "Look at its address, its credentials and its rights."
        )
    else:
        yield CheckResult("ok", f"{message}: a file was written, read and removed")


def database(settings: Settings) -> Iterator[CheckResult]:
    from sqlalchemy.exc import SQLAlchemyError

    from service.store.database import Database

    database = Database(settings.url)
    url = database.url.render_as_string(hide_password=True)
    if database.is_sqlite and not Path(database.url.database or "").exists():
        yield CheckResult("ok", f"Database {url}: not there yet; the first start makes it")
        return
    try:
        yield _schema(database, url)
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", error)).strip().partition("\n")[0]
        yield CheckResult(
            "bad", f"Database {url}: {cause}", "Look at HOLDOUT_DATABASE_URL, and whether it runs."
        )
    finally:
        database.close()


def bundled_data(_: Settings) -> Iterator[CheckResult]:
    from workers.data.registry import DatasetRegistry
    from workers.data.sources import BUNDLED

    with tempfile.TemporaryDirectory() as folder:
        try:
            rows = [DatasetRegistry(Path(folder)).describe(name).rows for name in BUNDLED]
        except Exception as error:  # any error means that the file is damaged
            yield CheckResult(
                "bad", f"Bundled data sets: {type(error).__name__}: {error}", "Install Holdout anew."
            )
            return
    listed = ", ".join(f"{name} ({count:,} rows)" for name, count in zip(BUNDLED, rows, strict=True))
    yield CheckResult("ok", f"Bundled data sets: {listed}")


def swagger_ui(_: Settings) -> Iterator[CheckResult]:
    import fastapi_offline

    folder = Path(fastapi_offline.__file__).parent / "static"
    missing = [name for name in ("swagger-ui-bundle.js", "swagger-ui.css") if not (folder / name).is_file()]
    if missing:
        yield CheckResult("bad", f"Swagger UI: {', '.join(missing)} missing", "Install fastapi-offline anew.")
    else:
        yield CheckResult("ok", "Swagger UI: its files are here, no outside host is asked")


def _compiled(message: str, kernel: object) -> CheckResult:
    from workers.nn.kernels.compiled import compiler

    folder = compiler.cache_folder(kernel)
    if compiler.is_temporary(folder):
        remedy = "No folder can be written to: set NUMBA_CACHE_DIR to one that can."
        return CheckResult("warn", f"{message}, anew at every start", remedy)
    return CheckResult("ok", f"{message}, kept in {folder}")


def _schema(database: "Database", url: str) -> CheckResult:
    from service.store import migrations

    newest = migrations.newest()
    with database.read() as connection:
        applied = migrations.applied(connection)
    if applied is not None and applied not in migrations.known():
        message = f"Database {url}: schema {applied} is unknown; this version knows those up to {newest}"
        return CheckResult("bad", message, migrations.REMEDY)
    if applied == newest:
        return CheckResult("ok", f"Database {url}: answers, schema {applied} is current")
    message = f"Database {url}: schema {applied or 'empty'}, this version needs {newest}"
    return CheckResult("warn", message, "The next start of the service migrates it; or run: holdout migrate")


def _existing(folder: Path) -> Path:
    """The folder, or its nearest ancestor that exists."""
    return next(each for each in (folder, *folder.parents) if each.exists())


def _timed(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


Check = Callable[[Settings], Iterator[CheckResult]]
CHECKS: tuple[Check, ...] = (
    versions,
    training_kernels,
    matmul_speed,
    bfloat16_unit,
    sqlite,
    data_folder,
    file_access,
    artifacts,
    database,
    bundled_data,
    swagger_ui,
)
