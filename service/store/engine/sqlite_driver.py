"""SQLite, as the package pysqlite3 brings it or, where that has no wheel, as Python does.

Everything in a process has to take the same: POSIX drops the locks of one library when another closes the file.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

driver: Any = import_module("pysqlite3" if find_spec("pysqlite3") else "sqlite3")
"""A module with the interface of `sqlite3`."""
