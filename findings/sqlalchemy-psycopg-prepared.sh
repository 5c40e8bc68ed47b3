#!/usr/bin/env bash
# SQLAlchemy 2.1.9 with psycopg 3.3.9: queries in `with engine.connect()` never become prepared statements.
#
# psycopg prepares a query when it runs for the sixth time on a connection, so that PostgreSQL plans it no more. But after
# every ROLLBACK it forgets its counts, and what it has prepared, with a DEALLOCATE ALL (the next round trip). And a
# transaction that only reads ends in a ROLLBACK by default: the pool resets a connection that comes back without a
# commit, as that of `with engine.connect()` does. So a program whose reads are written as in most tutorials plans
# every query anew, whatever `prepare_threshold` says. An exception inside `engine.begin()` has the same effect on
# everything that its connection had prepared.
#
# Why it matters: planning is often most of a short query's time. Here a lookup through eight tables by their primary
# keys takes three to five times as long.
# Instead: read in `with engine.begin()`, or with isolation_level="AUTOCOMMIT", which ends without a ROLLBACK.
#
# Needs Python 3.11 or 3.12: pgserver, which brings a PostgreSQL 16, has no wheels for newer ones.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pgserver==0.1.4 sqlalchemy==2.1.9 'psycopg[binary]==3.3.9'

cat >expected <<'TEXT'
connect: 0 prepared after 200 queries
begin: 1 prepared after 200 queries
autocommit: 1 prepared after 200 queries
begin, then one connect: 0 prepared
connect takes more than twice as long as begin: True
autocommit takes more than twice as long as begin: False
TEXT

cat >program.py <<'PYTHON'
import sys
import time
from statistics import median

import pgserver
from sqlalchemy import create_engine, text

TABLES, QUERIES = 8, 200
JOINED = " ".join(f"JOIN t{i} ON t{i}.id = t{i - 1}.other" for i in range(1, TABLES))
LOOK_UP = text(f"SELECT count(*) FROM t0 {JOINED} WHERE t0.id = :id")
PREPARED = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%FROM t0%'")


def milliseconds(connect, queries=QUERIES):
    """The median time of a query in a connection of its own, from a pool that holds one."""
    taken = []
    for number in range(queries):
        started = time.perf_counter()
        with connect() as connection:
            connection.execute(LOOK_UP, {"id": number}).all()
        taken.append(time.perf_counter() - started)
    return 1e3 * median(taken)


def prepared(engine):
    """How many statements are prepared. AUTOCOMMIT, so that to look changes nothing."""
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        return connection.scalar(PREPARED)


server = pgserver.get_server("data")
url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
engine = create_engine(url, pool_size=1, max_overflow=0)
with engine.begin() as connection:
    for i in range(TABLES):
        connection.execute(text(f"CREATE TABLE t{i} (id int PRIMARY KEY, other int)"))

autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
times = {}
for name, connect in (("connect", engine.connect), ("begin", engine.begin), ("autocommit", autocommit.connect)):
    engine.dispose()
    times[name] = milliseconds(connect)
    print(f"{name}: {times[name]:.2f} ms", file=sys.stderr)
    print(f"{name}: {prepared(engine)} prepared after {QUERIES} queries")
engine.dispose()
milliseconds(engine.begin)
milliseconds(engine.connect, queries=1)
print(f"begin, then one connect: {prepared(engine)} prepared")
print(f"connect takes more than twice as long as begin: {times['connect'] > 2 * times['begin']}")
print(f"autocommit takes more than twice as long as begin: {times['autocommit'] > 2 * times['begin']}")
engine.dispose()
server.cleanup()
PYTHON

venv/bin/python program.py | tee actual
if ! diff expected actual; then
    echo "The behaviour has changed." >&2
    exit 1
fi
