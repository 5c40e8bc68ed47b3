"""A connection that is dropped without being closed causes a ResourceWarning, which is an error in the tests."""

import gc
from pathlib import Path

import pytest

from service.store.engine.sqlite_driver import driver


def test_a_connection_that_is_dropped_unclosed_causes_a_warning(tmp_path: Path) -> None:
    with pytest.warns(ResourceWarning, match=r"lost\.db was never closed"):
        drop_unclosed(tmp_path / "lost.db")


def drop_unclosed(path: Path) -> None:
    driver.connect(path).execute("CREATE TABLE t (x)")
    gc.collect()


def test_a_connection_that_is_closed_or_never_opened_causes_none(tmp_path: Path) -> None:
    driver.connect(tmp_path / "kept.db").close()
    with pytest.raises(driver.OperationalError):
        driver.connect(tmp_path / "no folder" / "x.db")
    gc.collect()
