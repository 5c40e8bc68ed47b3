"""Copies a database, its artifacts and its data sets to a folder while the service runs.

    FOLDER/holdout.db    the database as of one moment
    FOLDER/artifacts/    the artifacts that its rows name, and no others
    FOLDER/datasets/     data sets and uploads

The key that seals the secrets of webhooks is not copied: it belongs apart from the database.
"""

import os
import shutil
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from service.operations.file_access import UMASK
from service.settings import Settings, UnusableSetting
from service.store import history
from service.store.artifacts.artifact_store import ArtifactError, ArtifactStore, stored_content
from service.store.database import Database
from service.store.engine.sqlite_driver import driver
from service.store.tables import Checkpoint
from workers.processes.messages import ArtifactReference

ROUNDS = 10
"""How often the database is copied anew, if artifacts that the copy names were replaced while it was made."""


class BackupFailed(RuntimeError):
    """The artifacts changed faster than they could be copied."""


@dataclass(frozen=True)
class Backup:
    """What was copied. lost: why each artifact is not, that the database names and that cannot be read."""

    database: Path
    artifacts: int
    lost: list[str]


def back_up(settings: Settings, folder: Path) -> Backup:
    """Copy everything to a new folder. Raises UnusableSetting or BackupFailed."""
    _require_possible(settings, folder)
    os.umask(UMASK)
    folder.mkdir(parents=True)
    with closing(Database(settings.url)) as database:
        backup = _copy(database, ArtifactStore(settings.artifacts_url), folder)
    if (settings.data_dir / "datasets").is_dir():
        shutil.copytree(settings.data_dir / "datasets", folder / "datasets")
    return backup


def _require_possible(settings: Settings, folder: Path) -> None:
    if not settings.url.startswith("sqlite"):
        raise UnusableSetting(
            "On PostgreSQL, use pg_dump, and copy the other folders after it: docs/operations.md."
        )
    file = Database(settings.url).url.database
    if not file or not Path(file).is_file():
        raise UnusableSetting(f"There is no database {file}. Name its folder with --data-dir.")
    if folder.exists():
        raise UnusableSetting(f"{folder} exists. A backup needs a new folder.")


def _copy(database: Database, artifacts: ArtifactStore, folder: Path) -> Backup:
    """Copy the database until all artifacts that the copy names could be copied too."""
    file, copied = folder / "holdout.db", ArtifactStore(str(folder / "artifacts"))
    done: set[str] = set()
    for _ in range(ROUNDS):
        _copy_database(database, file)
        with closing(Database(f"sqlite:///{file}")) as copy:
            named = _named(copy)
        lost = {}
        for name in named.keys() - done:
            try:
                copied.files.write(name, artifacts.load(named[name]))
                done.add(name)
            except ArtifactError as error:
                lost[name] = error.why
        if lost.keys() <= _named(database).keys():  # they are lost for good, and not replaced by others
            for name in done - named.keys():
                copied.files.remove(name)
            return Backup(file, len(named.keys() & done), sorted(lost.values()))
    raise BackupFailed(
        "The artifacts changed faster than they could be copied. Try again when fewer runs train."
    )


def _copy_database(database: Database, file: Path) -> None:
    """Copy the database as of one moment. Writers go on meanwhile."""
    file.unlink(missing_ok=True)
    with closing(driver.connect(database.url.database, isolation_level=None)) as connection:
        connection.execute("VACUUM INTO ?", (str(file),))
    with closing(Database(f"sqlite:///{file}")) as copy, copy.write() as transaction:
        history.forget(transaction)


def _named(database: Database) -> dict[str, ArtifactReference]:
    """The artifacts that rows of a database name."""
    with database.read() as connection:
        rows = connection.execute(select(Checkpoint).where(Checkpoint.artifact.is_not(None))).all()
    contents = [stored_content(row) for row in rows]
    return {content.name: content for content in contents if isinstance(content, ArtifactReference)}
