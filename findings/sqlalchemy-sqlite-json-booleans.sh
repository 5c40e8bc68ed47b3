#!/usr/bin/env bash
# SQLAlchemy 2.1.9 on SQLite: one element of a JSON column comes back as 1 or 0 where the document holds true or false.
#
# The column read as a whole gives True. `column["nesterov"]` is translated to JSON_QUOTE(JSON_EXTRACT(...)), and
# JSON_EXTRACT has no booleans: it returns the integer 1, which JSON_QUOTE quotes as a number. An object or an array that
# holds the boolean keeps it. The same statement on PostgreSQL gives True. Nothing warns, because 1 == True in Python.
#
# Why it matters: settings that are read field by field go out as `1` instead of `true` in a JSON answer, fail a strict
# validation, and are no longer told apart from a count of 1.
# Instead: read `column["nesterov"].as_boolean()` where the type is known, or the whole document.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check sqlalchemy==2.1.9

cat >expected <<'TEXT'
SQLAlchemy 2.1.9
                     whole document   one element      as JSON
nesterov             True             1                1
amsgrad              False            0                0
epochs               1                1                1
optimizer            {'fused': True}  {'fused': True}  {"fused": true}
optimizer.fused      True             1                1
nesterov.as_boolean  True             True             true
TEXT

cat >program.py <<'PYTHON'
import json

import sqlalchemy as sa

spec = {"nesterov": True, "amsgrad": False, "epochs": 1, "optimizer": {"fused": True}}
table = sa.Table("experiments", sa.MetaData(), sa.Column("spec", sa.JSON))
column = table.c.spec
engine = sa.create_engine("sqlite://")
table.create(engine)

print("SQLAlchemy", sa.__version__)
print(f"{'':21}{'whole document':17}{'one element':17}as JSON")
with engine.begin() as connection:
    connection.execute(table.insert(), {"spec": spec})
    whole = connection.execute(sa.select(column)).scalar_one()

    def show(label, expected, element):
        value = connection.execute(sa.select(element)).scalar_one()
        print(f"{label:21}{str(expected):17}{str(value):17}{json.dumps(value)}")

    for field in spec:
        show(field, whole[field], column[field])
    show("optimizer.fused", whole["optimizer"]["fused"], column["optimizer", "fused"])
    show("nesterov.as_boolean", whole["nesterov"], column["nesterov"].as_boolean())
PYTHON

venv/bin/python program.py | tee actual
if ! diff expected actual; then
    echo "The behaviour has changed." >&2
    exit 1
fi
