#!/usr/bin/env bash
# Python's sqlite3 (seen with 3.11.7): a null, a bool or a bytes parameter takes about ten times as long as a number.
#
# Only int, float, str and bytearray are bound at once. For any other exact type, None among them, sqlite3 first looks
# for an adapter, anew for each parameter: in a dict by type and protocol, then as __adapt__ of the protocol, then as
# __conform__ of the value. apsw 3.54.1.0 binds the same rows without that, in about the same time for every type.
#
# Why it matters: a wide row that is mostly NULL, as metrics and optional columns are, costs more in its nulls than in
# its figures. The time is spent before SQLite sees anything: no index, pragma or transaction changes it.
# Instead: leave columns that are NULL in all rows of an executemany out of the INSERT; store 0 and 1 in place of
# booleans, and bytearray in place of bytes where many are small.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check apsw==3.54.1.0

cat >expected <<'TEXT'
sqlite3: None takes more than 4 times as long as 1: True
sqlite3: True takes more than 4 times as long as 1: True
sqlite3: b'' takes more than 4 times as long as 1: True
sqlite3: 0.5 takes more than 4 times as long as 1: False
apsw: None takes more than 4 times as long as 1: False
apsw: True takes more than 4 times as long as 1: False
apsw: b'' takes more than 4 times as long as 1: False
TEXT

cat >program.py <<'PYTHON'
import sqlite3
import sys
import time

import apsw

COLUMNS, ROWS = 20, 10_000
TABLE = f"CREATE TABLE wide ({', '.join(f'c{i}' for i in range(COLUMNS))})"
INSERT = f"INSERT INTO wide VALUES ({', '.join('?' * COLUMNS)})"


def nanoseconds(cursor, value):
    """The processor time for one parameter: the least of seven rounds."""
    rows, best = [(value,) * COLUMNS] * ROWS, float("inf")
    for _ in range(7):
        cursor.execute("BEGIN")
        started = time.process_time()
        cursor.executemany(INSERT, rows)
        best = min(best, time.process_time() - started)
        cursor.execute("ROLLBACK")
    return 1e9 * best / ROWS / COLUMNS


def show(name, cursor, values):
    cursor.execute(TABLE)
    least = nanoseconds(cursor, 1)
    print(f"{name}: 1 takes {least:.0f} ns", file=sys.stderr)
    for value in values:
        taken = nanoseconds(cursor, value)
        print(f"{name}: {value!r} takes {taken:.0f} ns", file=sys.stderr)
        print(f"{name}: {value!r} takes more than 4 times as long as 1: {taken > 4 * least}")


show("sqlite3", sqlite3.connect(":memory:", isolation_level=None).cursor(), (None, True, b"", 0.5))
show("apsw", apsw.Connection(":memory:").cursor(), (None, True, b""))
PYTHON

venv/bin/python program.py | tee actual
if ! diff expected actual; then
    echo "The behaviour has changed." >&2
    exit 1
fi
