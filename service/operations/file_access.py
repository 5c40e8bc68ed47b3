"""Who can read the files of the service: only its own user. They contain data sets, models, and keys.

New files get no rights for others, by the umask of the process. Existing ones lose them at the start. The data folder
itself is closed only if everything in it is Holdout's: it may be a folder that the user has for other things too.
"""

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import make_url

from service.settings import Settings
from service.store.sealing import KEY_FILE

log = logging.getLogger("holdout.files")

OWNER_ONLY = 0o700
UMASK = 0o077
DATABASE_FILES = ("", "-wal", "-shm", "-journal")
FOLDERS = ("datasets", "artifacts", "cache", "parts")


def close_to_others(settings: Settings) -> None:
    """Give new files of this process no rights for other users, and take those of existing ones away."""
    os.umask(UMASK)
    refused: list[Path] = []
    for path in open_to_others(settings):
        try:
            path.chmod(stat.S_IMODE(path.lstat().st_mode) & OWNER_ONLY)
        except OSError:
            refused.append(path)
    if refused:
        log.warning(
            "%s files are open to other users, and that could not be changed: %s", len(refused), refused[0]
        )


def open_to_others(settings: Settings) -> Iterator[Path]:
    """The files and folders of Holdout that other users of this machine have rights to."""
    return (path for path in _files(settings) if not path.is_symlink() and _mode(path) & ~OWNER_ONLY)


def is_shared(folder: Path) -> bool:
    """Whether other users have rights to a folder, or to what was put into it beside Holdout's own files."""
    return folder.is_dir() and bool(_mode(folder) & ~OWNER_ONLY)


def _files(settings: Settings) -> Iterator[Path]:
    for path in _roots(settings):
        yield path
        if path.is_dir() and not path.is_symlink() and path != settings.data_dir:
            yield from path.rglob("*")


def _roots(settings: Settings) -> Iterator[Path]:
    folder, url = settings.data_dir, make_url(settings.url)
    database = (
        Path(url.database) if url.get_backend_name() == "sqlite" and url.database else folder / "holdout.db"
    )
    own = [folder / name for name in (*FOLDERS, KEY_FILE)]
    own += [database.with_name(database.name + ending) for ending in DATABASE_FILES]
    if folder.is_dir() and {path.name for path in folder.iterdir()} <= {path.name for path in own}:
        yield folder
    yield from (path for path in own if path.exists())


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.lstat().st_mode)
    except OSError:
        return 0  # it was removed meanwhile
