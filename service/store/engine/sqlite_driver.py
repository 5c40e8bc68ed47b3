"""The SQLite library: that of the package pysqlite3 or, if it publishes no wheel for this system, that of Python.

A process must use one library only: POSIX drops the locks of one when another closes the file.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

driver: Any = import_module("pysqlite3" if find_spec("pysqlite3") else "sqlite3")
"""A module with the interface of `sqlite3`."""
