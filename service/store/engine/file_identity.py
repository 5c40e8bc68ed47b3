"""Notices that the file of an SQLite database was deleted or replaced: what is written to the old one is lost."""

import logging
import os
from pathlib import Path

from sqlalchemy.exc import OperationalError

log = logging.getLogger("holdout.database")


class DatabaseReplaced(OperationalError):
    """The file at the path of the database is another one than the one that is open, or is gone."""

    def __init__(self, path: Path) -> None:
        self.message = (
            f"{path} was deleted or replaced. Nothing is read or written until the service is restarted."
        )
        super().__init__("", None, FileNotFoundError(self.message))


class FileIdentity:
    """Which file (device and inode) was at a path when it was first used."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._opened: tuple[int, int] | None = None
        self._is_logged = False

    def require_same(self) -> None:
        """Raise DatabaseReplaced if the path no longer leads to that file. This takes two microseconds."""
        found = self._find()
        self._opened = self._opened or found
        if found != self._opened:
            self._log()
            raise DatabaseReplaced(self._path)
        self._is_logged = False

    def _find(self) -> tuple[int, int] | None:
        try:
            status = os.stat(self._path)  # noqa: PTH116 -- three times as fast, and called by every request
        except FileNotFoundError:
            return None
        return status.st_dev, status.st_ino

    def _log(self) -> None:
        if not self._is_logged:
            self._is_logged = True
            log.critical(
                "%s is no longer the file that this process has open: it was deleted or replaced. Nothing more is"
                " accepted. Stop every process of this service before you restore a database; now restart them, or"
                " put the old file back",
                self._path,
            )
