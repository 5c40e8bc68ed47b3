"""The tests fail where a connection is dropped without being closed, by the warning that is an error there."""

import gc
from pathlib import Path

import pytest

from service.store.sqlite_driver import driver


def test_a_connection_that_is_dropped_open_is_warned_of(tmp_path: Path) -> None:
    with pytest.warns(ResourceWarning, match=r"lost\.db was never closed"):
        warn_by_dropping(tmp_path / "lost.db")


def warn_by_dropping(path: Path) -> None:
    driver.connect(path).execute("CREATE TABLE t (x)")
    gc.collect()


def test_one_that_is_closed_or_never_opened_is_not(tmp_path: Path) -> None:
    driver.connect(tmp_path / "kept.db").close()
    with pytest.raises(driver.OperationalError):
        driver.connect(tmp_path / "no folder" / "x.db")
    gc.collect()
