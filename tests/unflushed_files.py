"""Tests do not wait for the disk: a process that is killed loses nothing that it has written, only a machine does.

The servers of tests/postgresql.py do not either.
"""

import os

from service.store.engine import sqlite


def flush_no_files() -> None:
    """Let this process, and those that it forks, flush neither files nor the commits of SQLite."""
    os.fsync = lambda fd: None
    sqlite.SYNCHRONOUS = "OFF"
