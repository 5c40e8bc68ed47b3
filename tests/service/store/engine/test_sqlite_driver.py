"""The SQLite library of a process: that of pysqlite3 if it is installed, for every connection."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.missing_packages import environment_without

STAND_IN = """
from sqlite3 import *
from sqlite3 import connect as _connect

opened = 0

def connect(*arguments, **options):
    global opened
    opened += 1
    return _connect(*arguments, **options)
"""
ASK = """
import sys
from sqlalchemy import text
from service.store.database import Database
from service.store.engine.sqlite_driver import driver

database = Database(f"sqlite:///{sys.argv[1]}/holdout.db")
database.prepare()
with database.write() as connection:
    connection.execute(text("CREATE TABLE t (x)"))
    version = connection.execute(text("SELECT sqlite_version()")).scalar_one()
assert database.version() is not None
assert database.engine.dialect.dbapi is driver
database.close()
print(driver.__name__, version == driver.sqlite_version, getattr(driver, "opened", None))
"""


ROOT = Path(__file__).parents[4]


def ask(folder: Path, **variables: str) -> str:
    command = [sys.executable, "-c", ASK, str(folder)]
    said = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, timeout=60)
    assert said.returncode == 0, said.stderr
    return said.stdout.strip()


def test_pysqlite3_opens_every_connection_if_it_is_installed(tmp_path: Path) -> None:
    (tmp_path / "pysqlite3.py").write_text(STAND_IN)
    assert ask(tmp_path, PYTHONPATH=str(tmp_path)) == "pysqlite3 True 3"


def test_without_it_python_s_own_sqlite_is_used(tmp_path: Path) -> None:
    assert ask(tmp_path, **environment_without(tmp_path / "hidden", "pysqlite3")) == "sqlite3 True None"


@pytest.mark.parametrize("folder", ["service", "tests", "benchmarks", "tools"])
def test_no_other_driver_is_used_in_the_process(folder: str) -> None:
    files = [path for path in (ROOT / folder).rglob("*.py") if path.name != Path(__file__).name]
    assert files
    assert [path for path in files if re.search(r"sqlite3[.]connect\(|from sqlite3", path.read_text())] == []
